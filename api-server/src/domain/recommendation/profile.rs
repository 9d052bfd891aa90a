//! Which profile to run on.

use crate::domain::prose::count;

/// From so many voice minutes a month on, the `gpu` overlay pays.
pub const GPU_FROM_VOICE_MINUTES: u64 = 10_000;

/// Support that is slow enough for the profile `dev`, in hours.
const SLOW_SUPPORT_HOURS: u32 = 24;

/// What the stack is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// To try it.
    Evaluation,
    /// To work with it.
    Production,
}

/// What decides the profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProfileNeeds {
    /// What it is for.
    pub purpose: Purpose,
    /// Minutes of speech a month.
    pub voice_minutes: u64,
    /// Support must answer within so many hours; `None` when any will do.
    pub support_hours: Option<u32>,
}

/// The profile to run on, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileRecommendation {
    /// `dev` or `prod`.
    pub profile: &'static str,
    /// The overlays to put on it.
    pub overlays: Vec<&'static str>,
    /// Why, in words: one for the profile's each cause, one for each overlay.
    pub reasons: Vec<String>,
}

/// `dev` when it is for evaluation, without voice, and support in a day or slower is enough; else
/// `prod`. The overlay `gpu` from [`GPU_FROM_VOICE_MINUTES`].
#[must_use]
pub fn recommend_profile(needs: &ProfileNeeds) -> ProfileRecommendation {
    let mut reasons = Vec::new();
    if needs.purpose == Purpose::Production {
        reasons.push("prod: it is for production".to_owned());
    }
    if needs.voice_minutes > 0 {
        reasons.push("prod: voice services run there only".to_owned());
    }
    if let Some(hours) = needs.support_hours.filter(|hours| *hours < SLOW_SUPPORT_HOURS) {
        reasons.push(format!(
            "prod: support is needed within {hours} h, dev has {SLOW_SUPPORT_HOURS} h or slower"
        ));
    }
    let profile = if reasons.is_empty() { "dev" } else { "prod" };
    if reasons.is_empty() {
        reasons.push(format!(
            "dev: an evaluation without voice, for which support in {SLOW_SUPPORT_HOURS} h or slower is enough"
        ));
    }
    let mut overlays = Vec::new();
    if needs.voice_minutes >= GPU_FROM_VOICE_MINUTES {
        overlays.push("gpu");
        reasons.push(format!(
            "gpu: {} voice minutes a month, from {} on acceleration pays",
            count(needs.voice_minutes),
            count(GPU_FROM_VOICE_MINUTES)
        ));
    }
    ProfileRecommendation { profile, overlays, reasons }
}
