//! A profile that a newer version wrote and that this one cannot read: it says so, and nothing else
//! happens to it. The others go on.

use crds::{
    DeploymentProfileStatus,
    conditions::{self, NewCondition, READY, RECONCILING, STALLED, TENANTS_HEALTHY},
};
use k8s_openapi::jiff::Timestamp;

use crate::{cluster::ApiError, context::Context, world::Unreadable};

const REASON: &str = "Unreadable";

pub(super) async fn tell(ctx: &Context, unreadable: &Unreadable) -> Result<(), ApiError> {
    let profile = &unreadable.profile;
    if profile.metadata.deletion_timestamp.is_some() {
        return Ok(());
    }
    let old = profile.status.clone().unwrap_or_default();
    let new = status(unreadable, &old, Timestamp::now());
    if new == old {
        return Ok(());
    }
    ctx.cluster.write_unreadable_status(profile, &new).await?;
    let told = conditions::find(&old.conditions, STALLED);
    if told.is_none_or(|c| c.reason != REASON) {
        ctx.events.warning(profile, "ProfileUnreadable", &message(&unreadable.error)).await;
    }
    Ok(())
}

fn message(error: &str) -> String {
    format!(
        "this version of the operator cannot read the profile: {error}; its tenants stay as they are. Upgrade \
         definitions and operator, or take out of the profile what they do not know"
    )
}

/// What was said of its rollout and its tenants stays: nothing of it has changed.
fn status(
    unreadable: &Unreadable,
    old: &DeploymentProfileStatus,
    now: Timestamp,
) -> DeploymentProfileStatus {
    let message = message(&unreadable.error);
    let new = [(READY, false), (RECONCILING, false), (STALLED, true)].map(|(type_, status)| {
        NewCondition { type_, status: status.into(), reason: REASON, message: message.clone() }
    });
    let generation = unreadable.profile.metadata.generation;
    let mut conditions = conditions::merge(&old.conditions, &new, generation, now);
    conditions.extend(conditions::find(&old.conditions, TENANTS_HEALTHY).cloned());
    DeploymentProfileStatus {
        conditions,
        observed_generation: generation,
        message: Some(message.chars().take(1024).collect()),
        ..old.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crds::DeploymentProfile;

    #[test]
    fn it_fails_and_keeps_what_was_said_of_its_tenants() {
        let now = Timestamp::UNIX_EPOCH;
        let well = [READY, TENANTS_HEALTHY].map(|type_| NewCondition {
            type_,
            status: true.into(),
            reason: "Complete",
            message: String::new(),
        });
        let old = DeploymentProfileStatus {
            conditions: conditions::merge(&[], &well, Some(1), now),
            revision: Some(7),
            ..DeploymentProfileStatus::default()
        };
        let mut profile = DeploymentProfile::new("prod", crds::DeploymentProfileSpec::default());
        profile.metadata.generation = Some(2);
        let unreadable = Unreadable { profile, error: "missing field `name`".to_owned() };
        let new = status(&unreadable, &old, now);
        let is = |type_| conditions::is_true(&new.conditions, type_);
        let all = [READY, RECONCILING, STALLED, TENANTS_HEALTHY].map(is);
        assert_eq!(all, [false, false, true, true]);
        assert_eq!((new.revision, new.observed_generation), (Some(7), Some(2)));
        assert!(new.message.as_ref().unwrap().contains("missing field `name`; its tenants stay"));
        assert_eq!(status(&unreadable, &new, now), new, "and nothing new after that");
    }
}
