//! The lengths that were chosen for a series, in words.

use contract::{Lengths, text::counted};
use series::{Anchor, Frequency};

/// Says in one line what was chosen, and why.
#[must_use]
pub(super) fn chosen(lengths: &Lengths) -> String {
    let seasons = match &lengths.seasons[..] {
        [] => "no season".to_owned(),
        [one] => format!("season of {}", counted(*one, "step")),
        many => {
            let many: Vec<_> = many.iter().map(ToString::to_string).collect();
            format!("seasons of {} steps", many.join(" and "))
        }
    };
    let horizon = match apart(lengths.scored, lengths.served) {
        Some(words) => words,
        None => format!("forecasts {}", counted(lengths.served, "step")),
    };
    let vary = if lengths.contexts_vary {
        " or what a model chooses"
    } else {
        ""
    };
    let context = format!("context of {}{vary}", counted(lengths.context, "step"));
    let origins = match (lengths.origins, lengths.fits) {
        (0, _) => "too short to score".to_owned(),
        (origins, 1) => format!("scored from {}", counted(origins, "origin")),
        (origins, fits) => format!(
            "scored from {} with {fits} fits on growing rows",
            counted(origins, "origin")
        ),
    };
    format!(
        "{}: {seasons}; {horizon}; {context}; {origins}",
        every(lengths.frequency)
    )
}

/// Says that the scored horizon is not the served one, or that nothing was scored; `None` where they are the same.
#[must_use]
pub(super) fn apart(scored: usize, served: usize) -> Option<String> {
    match scored {
        _ if scored == served => None,
        0 => Some(format!("unscored, served {}", counted(served, "step"))),
        _ => Some(format!("scored {} ahead, served {served}", counted(scored, "step"))),
    }
}

/// Returns words with a comma before them; nothing without words.
#[must_use]
pub(super) fn comma(words: Option<String>) -> String {
    words.map_or(String::new(), |words| format!(", {words}"))
}

fn every(frequency: Frequency) -> String {
    match frequency {
        Frequency::Months { months: 1, .. } => "monthly".to_owned(),
        Frequency::Months { months: 3, .. } => "quarterly".to_owned(),
        Frequency::Months {
            months: 12,
            anchor: Anchor::Start | Anchor::End,
        } => "yearly".to_owned(),
        Frequency::Seconds(3_600) => "hourly".to_owned(),
        Frequency::Seconds(86_400) => "daily".to_owned(),
        Frequency::Seconds(604_800) => "weekly".to_owned(),
        other => format!("every {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_names_seasons_horizon_and_origins() {
        let lengths = Lengths {
            frequency: Frequency::Months {
                months: 1,
                anchor: Anchor::Start,
            },
            seasons: vec![12],
            horizon: 12,
            context: 12,
            contexts_vary: true,
            served: 12,
            scored: 12,
            origins: 48,
            fits: 6,
        };
        assert_eq!(
            chosen(&lengths),
            "monthly: season of 12 steps; forecasts 12 steps; context of 12 steps or what a model chooses; scored from 48 \
             origins with 6 fits on growing rows"
        );
        let apart = Lengths {
            frequency: Frequency::Seconds(120),
            seasons: vec![720, 5_040],
            context: 10,
            contexts_vary: false,
            served: 720,
            scored: 1,
            fits: 1,
            ..lengths
        };
        assert_eq!(
            chosen(&apart),
            "every 2m: seasons of 720 and 5040 steps; scored 1 step ahead, served 720; context of 10 steps; \
             scored from 48 origins"
        );
    }
}
