//! The predecessor's example: fifty rows from the head of PobleSec.

use std::path::{Path, PathBuf};

use contract::{PartId, Produced, RoundId, SampleTask, Task, TrainTask};
use sample::Sample;
use series::{Column, Frequency, Role, Table, TimeAxis, calendar};
use testing::{
    memory::World,
    stage::{contents, dataset, job, name, platform, put_clean, run, spec},
};
use train::Train;

#[expect(clippy::disallowed_methods, reason = "tests find their data through one variable")]
fn file() -> PathBuf {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");
    let folder = std::env::var_os("FLITS_DATA").map_or_else(|| PathBuf::from(beside), PathBuf::from);
    folder.join("PobleSec.csv")
}

/// Returns the file as a table. It has every time: 11 measured columns and the calendar, with `down` as target.
#[cfg(test)]
fn poble_sec(file: &Path) -> Table {
    let mut reader = csv::Reader::from_path(file).unwrap();
    let names: Vec<_> = reader
        .headers()
        .unwrap()
        .iter()
        .skip(1)
        .map(ToOwned::to_owned)
        .collect();
    let mut values = vec![Vec::new(); names.len()];
    for record in reader.records() {
        for (column, field) in values.iter_mut().zip(record.unwrap().iter().skip(1)) {
            column.push(if field.is_empty() {
                f64::NAN
            } else {
                field.parse().unwrap()
            });
        }
    }
    let frequency = Frequency::Seconds(120);
    let axis = TimeAxis {
        start: 1_517_874_000,
        frequency,
        len: values[0].len(),
    };
    let role = |name: &str| if name == "down" { Role::Target } else { Role::Past };
    let measured = names.into_iter().zip(values).map(|(name, values)| Column {
        role: role(&name),
        name,
        values,
    });
    let waves = calendar(&axis, 0..axis.len);
    let waves = waves.into_iter().map(|(name, values)| Column {
        name: name.to_owned(),
        role: Role::Calendar,
        values,
    });
    let columns = measured.chain(waves).collect();
    Table::new(String::new(), axis, columns, None).unwrap()
}

#[tokio::test]
async fn fifty_head_rows_of_poble_sec_make_forty_windows_of_ten_rows_and_seventeen_inputs() {
    let file = file();
    if !file.exists() {
        println!(
            "skipped: {} is not there, set FLITS_DATA to the folder of PobleSec.csv",
            file.display()
        );
        return;
    }
    let table = poble_sec(&file);
    assert_eq!((table.rows(), table.columns.len()), (15_927, 17));
    let spec = spec(
        "models = [{ kind = \"gru\", hidden = 8, epochs = 2 }]\n\
         [sample]\nstrategy = \"head\"\nrows = 50\n[window]\ncontext = 10\nhorizon = 1\n",
    );
    let mut seen = Vec::new();
    for _ in 0..2 {
        let world = World::new();
        let platform = platform(&world);
        let clean = put_clean(&table, &*world.store).await;
        let (dataset, part, salt) = (dataset(), PartId::WHOLE, String::new());
        let task = SampleTask {
            dataset: dataset.clone(),
            part,
            spec: spec.digest(),
            salt: salt.clone(),
            clean,
        };
        let (made, _) = run(&Sample, &job(Task::Sample(task), &spec), &platform).await.unwrap();
        let Produced::Sample(facts) = made else {
            panic!("{made:?}")
        };
        assert_eq!((facts.rows, facts.columns, facts.sampled_rows), (15_927, 17, 50));
        let (cut, round) = (facts.cut, RoundId::of(b"round"));
        let task = TrainTask {
            dataset,
            part,
            spec: spec.digest(),
            salt,
            cut,
            round,
            member: name("gru"),
            refit_of: None,
        };
        let (made, _) = run(&Train, &job(Task::Train(task), &spec), &platform).await.unwrap();
        let Produced::Train(facts) = made else {
            panic!("{made:?}")
        };
        assert_eq!((facts.x, facts.y), ([40, 10, 17], [40, 1, 1]));
        seen.push(contents(&world).await);
    }
    assert_eq!(seen[0], seen[1]);
}
