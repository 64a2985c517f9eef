//! `flits generate`: seeded telemetry of cells, for demos and load tests.
//!
//! The eleven columns and the two-minute cadence of a base station's control channel: traffic with a daily and a weekly
//! cycle, users, modulation and resource blocks that follow it, correlated noise, bursts, and rows that are missing.

use std::{
    fs,
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng as _, SeedableRng as _},
};

use super::args::GenerateArgs;

/// The columns after `time`.
pub(super) const COLUMNS: [&str; 11] = [
    "down",
    "up",
    "rnti_count",
    "mcs_down",
    "mcs_down_var",
    "mcs_up",
    "mcs_up_var",
    "rb_down",
    "rb_down_var",
    "rb_up",
    "rb_up_var",
];

/// 2018-02-05T00:00:00Z, a Monday.
const START: i64 = 1_517_788_800;
const STEP_S: i64 = 120;
const DAY_S: f64 = 86_400.0;
const WEEK_S: f64 = 7.0 * DAY_S;
/// The average length of a gap in rows: long enough to look like an outage and not like noise.
const MEAN_GAP_ROWS: u8 = 8;

/// Writes the files and returns their paths.
///
/// # Errors
/// When a share is outside 0 to 0.5, there are no rows to write, or a file cannot be written.
pub(super) fn generate(args: &GenerateArgs) -> anyhow::Result<Vec<PathBuf>> {
    ensure!(
        args.rows > args.test_rows,
        "--rows {} must exceed --test-rows {}",
        args.rows,
        args.test_rows
    );
    ensure!(args.series >= 1, "--series must be at least 1");
    for (name, share) in [("--gaps", args.gaps), ("--spikes", args.spikes)] {
        ensure!((0.0..=0.5).contains(&share), "{name} {share} must lie in 0 to 0.5");
    }
    let mut written = Vec::new();
    for number in 0..args.series {
        let path = if args.series == 1 {
            args.out.clone()
        } else {
            args.out.join(format!("cell-{number:04}.csv"))
        };
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
        }
        let rows = Cell::new(args.seed, number as u64).rows(args.rows, args.gaps, args.spikes);
        let cut = START + i64::try_from(args.rows - args.test_rows).context("--rows is too large")? * STEP_S;
        let (main, test): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.time < cut);
        write(&path, &main)?;
        written.push(path.clone());
        if args.test_rows > 0 {
            let path = test_path(&path);
            write(&path, &test)?;
            written.push(path);
        }
    }
    Ok(written)
}

fn test_path(path: &Path) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let extension = path
        .extension()
        .map_or(String::new(), |e| format!(".{}", e.to_string_lossy()));
    path.with_file_name(format!("{stem}_test{extension}"))
}

fn write(path: &Path, rows: &[Row]) -> anyhow::Result<()> {
    let file = fs::File::create(path).with_context(|| format!("cannot create {}", path.display()))?;
    let mut out = BufWriter::new(file);
    writeln!(out, "time,{}", COLUMNS.join(","))?;
    for row in rows {
        write!(
            out,
            "{}",
            series::rfc3339(row.time).replace('T', " ").trim_end_matches('Z')
        )?;
        for value in row.values {
            write!(out, ",{value}")?;
        }
        writeln!(out)?;
    }
    out.flush().with_context(|| format!("cannot write {}", path.display()))
}

struct Row {
    time: i64,
    values: [f64; 11],
}

/// One base station: its size, its daily and weekly cycle, and its random numbers.
struct Cell {
    random: ChaCha8Rng,
    /// Bytes per step at the busiest hour.
    capacity: f64,
    /// When traffic peaks, as a share of the day.
    peak: f64,
    /// By which share traffic is lower at the weekend.
    weekend: f64,
}

impl Cell {
    fn new(seed: u64, number: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(number);
        let mut cell = Self {
            random,
            capacity: 0.0,
            peak: 0.0,
            weekend: 0.0,
        };
        cell.capacity = 2.0e8 * libm::exp(0.5 * cell.normal());
        cell.peak = 0.75 + 0.08 * cell.normal();
        cell.weekend = 0.1 + 0.3 * cell.uniform();
        cell
    }

    fn rows(mut self, count: usize, gaps: f64, spikes: f64) -> Vec<Row> {
        let (mut noise, mut quiet) = (0.0, 0_usize);
        let mut rows = Vec::with_capacity(count);
        for (step, time) in (0..count).map(|i| (i, START + i64::try_from(i).unwrap_or(i64::MAX / STEP_S) * STEP_S)) {
            noise = 0.9 * noise + 0.18 * self.normal();
            let spike = if self.uniform() < spikes {
                2.0 + 4.0 * self.uniform()
            } else {
                1.0
            };
            let values = self.values(time, noise, spike);
            if quiet == 0 && self.uniform() < gaps / f64::from(MEAN_GAP_ROWS) {
                quiet = 1 + usize::from(self.byte() % (2 * MEAN_GAP_ROWS));
            }
            let lost = quiet > 0 && step > 0 && step + 1 < count;
            quiet = quiet.saturating_sub(1);
            if !lost {
                rows.push(Row { time, values });
            }
        }
        rows
    }

    fn values(&mut self, time: i64, noise: f64, spike: f64) -> [f64; 11] {
        #[expect(clippy::cast_precision_loss, reason = "a time in seconds lies far below 2^52")]
        let seconds = (time - START) as f64;
        let (day, week) = (seconds / DAY_S, seconds / WEEK_S);
        let daily = 0.55 + 0.45 * libm::cos(std::f64::consts::TAU * (day - self.peak));
        let second = 0.12 * libm::cos(2.0 * std::f64::consts::TAU * (day - 0.55));
        let weekly = 1.0 - self.weekend * f64::from(u8::from(week.fract() > 5.0 / 7.0));
        let load = ((daily + second).max(0.05) * weekly * libm::exp(noise) * spike).min(12.0);
        let down = (self.capacity * load).round();
        let up = (down * 0.06 * libm::exp(0.4 * self.normal())).round();
        let users = (2_000.0 + 9_000.0 * load.min(3.0) + 300.0 * self.normal())
            .max(20.0)
            .round();
        let mcs_down = (15.0 - 2.2 * load.min(4.0) + 0.6 * self.normal()).clamp(0.5, 28.0);
        let mcs_up = (14.5 - 1.2 * load.min(4.0) + 1.1 * self.normal()).clamp(0.5, 28.0);
        let blocks_down = (down / 6.0e9 * (15.0 / mcs_down)).min(1.0);
        let blocks_up = (up / 3.5e9 * (15.0 / mcs_up)).min(1.0);
        [
            down,
            up,
            users,
            mcs_down,
            (85.0 + 6.0 * self.normal()).max(1.0),
            mcs_up,
            (50.0 + 14.0 * self.normal()).max(1.0),
            blocks_down,
            4.5e-8 * libm::exp(0.1 * self.normal()),
            blocks_up,
            2.5e-8 * libm::exp(0.3 * self.normal()),
        ]
    }

    fn byte(&mut self) -> u8 {
        self.random.next_u64().to_le_bytes()[0]
    }

    /// Returns a uniform random number from 0 to 1, made of 53 bits.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit the mantissa")]
    fn uniform(&mut self) -> f64 {
        (self.random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Returns a standard normal random number.
    ///
    /// # Source
    /// Box and Muller 1958.
    fn normal(&mut self) -> f64 {
        let (u, v) = (1.0 - self.uniform(), self.uniform());
        libm::sqrt(-2.0 * libm::log(u)) * libm::cos(std::f64::consts::TAU * v)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(out: PathBuf) -> GenerateArgs {
        GenerateArgs {
            out,
            rows: 2_000,
            series: 1,
            seed: 7,
            test_rows: 200,
            gaps: 0.02,
            spikes: 0.01,
        }
    }

    #[test]
    fn equal_seeds_give_equal_bytes_and_series_differ() {
        let dir = tempfile::tempdir().unwrap();
        let read = |path: &Path| fs::read_to_string(path).unwrap();
        let first = generate(&args(dir.path().join("a.csv"))).unwrap();
        let again = generate(&args(dir.path().join("b.csv"))).unwrap();
        assert_eq!(first.len(), 2, "data and test file");
        assert_eq!(read(&first[0]), read(&again[0]));
        let two = generate(&GenerateArgs {
            series: 2,
            ..args(dir.path().join("many"))
        })
        .unwrap();
        assert_eq!(two.len(), 4);
        assert_ne!(read(&two[0]), read(&two[2]));
        assert_eq!(
            read(&two[0]),
            read(&first[0]),
            "the first series does not depend on how many follow"
        );
    }

    #[test]
    fn rows_have_gaps_but_keep_the_cadence_and_the_cut() {
        let dir = tempfile::tempdir().unwrap();
        let files = generate(&args(dir.path().join("a.csv"))).unwrap();
        let rows = |path: &Path| csv_rows(&fs::read_to_string(path).unwrap());
        let (main, test) = (rows(&files[0]), rows(&files[1]));
        let total = main.len() + test.len();
        assert!(
            (1_800..2_000).contains(&total),
            "{total} rows of 2,000 after gaps of about 2 %"
        );
        assert!(main.last().unwrap() < test.first().unwrap());
    }

    fn csv_rows(text: &str) -> Vec<String> {
        let mut lines = text.lines();
        assert_eq!(lines.next().unwrap().split(',').count(), 12);
        lines.map(|line| line.split(',').next().unwrap().to_owned()).collect()
    }
}
