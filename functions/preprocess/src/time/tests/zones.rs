//! Wall clocks with and without a zone.

use super::*;

const NEW_YORK: &str = "time_zone = \"America/New_York\"";
const BERLIN: &str = "time_zone = \"Europe/Berlin\"";

/// Returns the hours that a wall clock shows from a moment in UTC on.
fn wall(zone: &str, from: &str, step: i64, rows: i64) -> (Vec<String>, Vec<i64>) {
    let start: jiff::Timestamp = from.parse().unwrap();
    let seconds: Vec<i64> = (0..rows).map(|row| start.as_second() + row * step).collect();
    let shown = |second: &i64| {
        let moment = jiff::Timestamp::from_second(*second).unwrap();
        zone::of(zone)
            .to_datetime(moment)
            .strftime("%Y-%m-%d %H:%M:%S")
            .to_string()
    };
    (seconds.iter().map(shown).collect(), seconds)
}

fn values(rows: usize) -> Vec<String> {
    (0..rows).map(|row| format!("{}.5", row % 7)).collect()
}

#[test]
fn a_wall_clock_comes_back_in_either_order() {
    for (zone, setting, from) in [
        ("America/New_York", NEW_YORK, "2023-11-04T00:00:00Z"),
        ("America/New_York", NEW_YORK, "2024-03-09T00:00:00Z"),
        ("Europe/Berlin", BERLIN, "2023-10-28T00:00:00Z"),
        ("Europe/Berlin", BERLIN, "2024-03-30T00:00:00Z"),
    ] {
        for step in [3600, 1800, 900, 60] {
            let (mut texts, mut seconds) = wall(zone, from, step, 3 * 86_400 / step);
            for _ in 0..2 {
                let raw = table(vec![("time", texts.clone()), ("y", values(texts.len()))]);
                let times = read(&raw, &data(setting)).unwrap();
                assert!(times.seconds == seconds, "{zone} from {from} by {step} s");
                assert_eq!(times.reading.zone, zone);
                texts.reverse();
                seconds.reverse();
            }
        }
    }
}

#[test]
fn pairs_of_the_repeated_hour_are_its_two_passes() {
    let texts = ["01:45", "02:00", "02:00", "02:30", "02:30", "03:00"].map(|clock| format!("2023-10-29 {clock}"));
    let raw = table(vec![("time", texts.to_vec()), ("y", values(6))]);
    let shown = shown(&raw, BERLIN).unwrap();
    let clocks: Vec<_> = shown.iter().map(|time| &time[11..16]).collect();
    assert_eq!(clocks, ["23:45", "00:00", "01:00", "00:30", "01:30", "02:00"]);
}

#[test]
fn a_time_in_the_missing_hour_is_the_later_moment() {
    let raw = one("time", &["2018-03-25 01:30", "2018-03-25 02:30", "2018-03-25 03:30"]);
    assert_eq!(shown(&raw, BERLIN).unwrap()[1], "2018-03-25T01:30:00Z");
}

#[test]
fn offsets_win_over_the_zone_and_dates_have_none() {
    for (text, expected, zone) in [
        ("2018-07-01 02:00", "2018-07-01T00:00:00Z", "Europe/Berlin"),
        ("2018-07-01 02:00Z", "2018-07-01T02:00:00Z", "UTC"),
        ("2018-07-01 02:00-05:00", "2018-07-01T07:00:00Z", "offsets"),
        ("2018-07-01", "2018-07-01T00:00:00Z", ""),
        ("2018-07-01T00:00:00+02:00", "2018-07-01T00:00:00Z", ""),
        ("2018-07", "2018-07-01T00:00:00Z", ""),
    ] {
        let times = read(&one("time", &[text]), &data(BERLIN)).unwrap();
        assert_eq!(
            (series::rfc3339(times.seconds[0]).as_str(), times.reading.zone.as_str()),
            (expected, zone),
            "{text}"
        );
    }
}

#[test]
fn a_clock_that_changes_is_noticed_and_a_zone_is_offered() {
    for (zone, from, rows, offered) in [
        (
            "America/New_York",
            "2023-09-15T05:00:00Z",
            4800,
            "1 time twice (2023-11-05 01:00) and 1 time missing (2024-03-10 02:00)",
        ),
        ("America/Chicago", "2023-11-01T05:00:00Z", 300, "America/New_York"),
        ("Europe/Madrid", "2024-03-01T00:00:00Z", 800, "Europe/Berlin"),
        ("Europe/Paris", "2023-10-01T00:00:00Z", 800, "Europe/Berlin"),
        ("Europe/London", "2023-10-01T00:00:00Z", 800, "Europe/London"),
    ] {
        let (texts, _) = wall(zone, from, 3600, rows);
        let raw = table(vec![("time", texts), ("y", values(rows.try_into().unwrap()))]);
        let notices = read(&raw, &data("")).unwrap().notices;
        assert!(
            notices.len() == 1 && notices[0].contains(offered),
            "{zone}: {notices:?}"
        );
    }
    // Times in UTC with a hole and a repeated row elsewhere.
    let (mut texts, _) = wall("UTC", "2023-09-15T05:00:00Z", 3600, 4800);
    texts.remove(700);
    texts.insert(900, texts[900].clone());
    let raw = table(vec![("time", texts), ("y", values(4800))]);
    assert_eq!(read(&raw, &data("")).unwrap().notices, [""; 0]);
}
