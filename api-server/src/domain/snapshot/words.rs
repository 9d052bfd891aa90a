//! Why somebody should call, in words.

use super::{MeterSnapshot, Snapshot};
use crate::domain::{
    BasisPoints, Ppm,
    health::{Cap, FLAG_BELOW, Factor, OUTGROWN, Standing},
    meter::Meter,
    projection::Projection,
    prose, threshold,
};

impl Snapshot {
    /// Why it is flagged, in one sentence; `None` when it is not.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        let reasons: Vec<String> =
            [self.poor_health(), self.nearly_used_up()].into_iter().flatten().collect();
        if reasons.is_empty() { None } else { Some(capital(&reasons.join("; ")) + ".") }
    }

    fn poor_health(&self) -> Option<String> {
        // What was flagged before too little was known of it is not flagged meanwhile.
        if self.standing != Standing::Flagged {
            return None;
        }
        let score = self.health.score?;
        let below = match score < FLAG_BELOW {
            true => format!("health is {}, below {}", plain(score), plain(FLAG_BELOW)),
            false => format!("health is {}, not yet recovered for long enough", plain(score)),
        };
        let capped = self.health.uncapped.is_some_and(|uncapped| uncapped > score);
        let cause = match self.lowest_cap().filter(|_| capped) {
            Some(cap) => Some(cap.words().to_owned()),
            None => self.costs_most().map(|(_, input)| input),
        };
        Some(match cause {
            Some(cause) => format!("{below}: {cause}"),
            None => below,
        })
    }

    fn nearly_used_up(&self) -> Option<String> {
        let exceeded = self.meters.iter().filter(|(_, m)| exceeds(m));
        let (meter, of) = exceeded.reduce(|a, b| if b.1.ratio > a.1.ratio { b } else { a })?;
        let (used, quota) = (prose::quantity(of.used), prose::quantity(of.quota?));
        let share = prose::share_of(of.ratio?, "what the plan includes");
        let unit = meter.unit();
        let end = match of.projection {
            Projection::Forecast(forecast) => forecast.exhausted_on,
            Projection::TooEarly => None,
        };
        let end = end.map(|day| format!(", used up on {day}")).unwrap_or_default();
        Some(format!("{meter} is at {share}, {used} of {quota} {unit}{end}"))
    }

    fn lowest_cap(&self) -> Option<Cap> {
        self.health.caps.iter().copied().min_by_key(|cap| cap.limit())
    }

    /// The factor that costs most points, with what was measured for it; `None` when all points are
    /// had, or nothing is known.
    #[must_use]
    pub fn costs_most(&self) -> Option<(Factor, String)> {
        let factor = self.health.best?.factor;
        let line = self.health.lines.iter().find(|line| line.factor == factor)?;
        Some((factor, line.input.clone()?))
    }

    /// What to do about it, in words: what brings health back, else what keeps use within the plan.
    #[must_use]
    pub fn helps_most(&self) -> Option<String> {
        if let Some(remedy) = &self.remedy {
            let steps: Vec<&str> = remedy.steps.iter().map(|step| step.what.as_str()).collect();
            let then = format!("health would be {}", plain(remedy.score));
            return Some(format!("{}: {then}.", capital(&steps.join(", and "))));
        }
        if self.meters.values().any(exceeds) {
            return Some(capital(OUTGROWN) + ".");
        }
        let best = self.health.best.filter(|_| self.flagged)?;
        Some(capital(best.advice) + ".")
    }

    /// The meter that stands out: the one that is nearly used up, else the highest.
    #[must_use]
    pub fn level(&self) -> Option<(Meter, Option<threshold::Level>)> {
        let (meter, _) = self.highest?;
        Some((meter, self.meters.values().filter_map(|m| m.level).max()))
    }
}

fn exceeds(meter: &MeterSnapshot) -> bool {
    threshold::above(meter.used, meter.quota, super::FLAG_ABOVE)
}

/// `0.927`, as it stands on the wire.
fn plain(score: BasisPoints) -> Ppm {
    score.into()
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

impl Cap {
    /// Why it holds, in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Sev1PastSla => "an incident of severity 1 waits longer than was promised",
            Self::Silent => "no event has arrived for two weeks",
            Self::LongOverdue => "an invoice is more than 60 days overdue",
        }
    }
}
