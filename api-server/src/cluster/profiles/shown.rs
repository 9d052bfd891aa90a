//! What is answered of profiles. Pure.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::Bound,
};

use jiff::Timestamp;

use super::{
    Known,
    kept::{Content, Follower, Profile, Revision},
};

/// How far a tenant is on its way to the newest revision, or to the one that it keeps to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// It runs it.
    Updated,
    /// It was told to run it, and does not yet.
    Moving,
    /// It was not told yet.
    Waiting,
    /// It was told, and went wrong.
    Failed,
    /// It is being removed.
    Removed,
}

impl Stage {
    /// Every stage.
    pub const ALL: [Self; 5] =
        [Self::Updated, Self::Moving, Self::Waiting, Self::Failed, Self::Removed];

    /// As it is answered.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Updated => "updated",
            Self::Moving => "moving",
            Self::Waiting => "waiting",
            Self::Failed => "failed",
            Self::Removed => "removed",
        }
    }
}

/// Where a tenant stands, when `newest` is its profile's newest revision. Of a profile that is gone
/// there is none: its tenants stay as they are.
#[must_use]
pub fn stage(tenant: &Follower, newest: Option<i64>) -> Stage {
    let told = match tenant.pinned.or(newest) {
        Some(number) => tenant.wanted.as_deref() == Some(&label(&tenant.profile, number)),
        None => true,
    };
    let calm = !tenant.reconciling && (tenant.ready || &*tenant.reason == "Suspended");
    if tenant.deleting {
        Stage::Removed
    } else if !told {
        Stage::Waiting
    } else if tenant.failing {
        Stage::Failed
    } else if calm && tenant.runs.is_some() && tenant.runs == tenant.wanted {
        Stage::Updated
    } else {
        Stage::Moving
    }
}

/// How a tenant's stack does, whichever revision it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The operator has not said anything yet.
    Made,
    /// It is on its way.
    Starting,
    /// All of it runs.
    Ready,
    /// It went wrong: by itself it does not get well, or not soon.
    Failing,
    /// It was stopped on purpose.
    Suspended,
    /// It is being removed.
    Removed,
}

impl Condition {
    /// As it is answered.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Made => "made",
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Failing => "failing",
            Self::Suspended => "suspended",
            Self::Removed => "removed",
        }
    }

    /// Of a tenant.
    #[must_use]
    pub fn of(tenant: &Follower) -> Self {
        match &*tenant.reason {
            _ if tenant.deleting => Self::Removed,
            "" => Self::Made,
            _ if tenant.ready => Self::Ready,
            "Suspended" => Self::Suspended,
            _ if tenant.failing => Self::Failing,
            _ => Self::Starting,
        }
    }
}

/// `PROFILE@NUMBER`, as it stands in a tenant's status.
fn label(profile: &str, number: i64) -> String {
    format!("{profile}@{number}")
}

/// Tenants of a profile, by where they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All that name it.
    pub total: u32,
    /// Those whose stack runs as it should.
    pub ready: u32,
    /// Those that keep to a revision by their own wish.
    pub pinned: u32,
    /// By stage, in the order of [`Stage::ALL`].
    pub stages: [u32; 5],
}

impl Counts {
    /// How many are at a stage.
    #[must_use]
    pub fn at(&self, stage: Stage) -> u32 {
        let known = Stage::ALL.iter().zip(self.stages);
        known.filter(|(one, _)| **one == stage).map(|(_, count)| count).sum()
    }

    fn add(&mut self, tenant: &Follower, newest: Option<i64>) {
        self.total += 1;
        self.ready += u32::from(tenant.ready);
        self.pinned += u32::from(tenant.pinned.is_some());
        let here = stage(tenant, newest);
        for (one, count) in Stage::ALL.iter().zip(&mut self.stages) {
            *count += u32::from(*one == here);
        }
    }
}

/// A profile and how far its newest revision is. Without `is` it is gone, and named by tenants alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Its name.
    pub name: Box<str>,
    /// What it is.
    pub is: Option<Profile>,
    /// Who follows it.
    pub tenants: Counts,
}

/// A revision and who runs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Which.
    pub number: i64,
    /// When it was made; none of one that is gone.
    pub made_at: Option<Timestamp>,
    /// What it is made of.
    pub content: Option<Content>,
    /// How many tenants last ran it healthily.
    pub running: u32,
    /// How many are being brought to it.
    pub coming: u32,
    /// How many keep to it by their own wish.
    pub pinned: u32,
}

/// Which tenants are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted<'w> {
    /// Behind this one.
    pub after: Option<&'w str>,
    /// Those that run this revision.
    pub revision: Option<i64>,
    /// Those at this stage.
    pub stage: Option<Stage>,
    /// At most so many.
    pub limit: usize,
}

impl Known {
    /// All profiles, also those that are gone and still followed, by name.
    #[must_use]
    pub fn summaries(&self) -> Vec<Summary> {
        let mut all: BTreeMap<&str, Counts> =
            self.profiles.all.keys().map(|name| (&**name, Counts::default())).collect();
        for tenant in self.tenants.all.values() {
            let newest = self.newest(&tenant.profile);
            all.entry(&tenant.profile).or_default().add(tenant, newest);
        }
        let summary = |(name, tenants): (&str, Counts)| Summary {
            name: name.into(),
            is: self.profiles.all.get(name).cloned(),
            tenants,
        };
        all.into_iter().map(summary).collect()
    }

    /// The number of a profile's newest revision, once the operator says which.
    fn newest(&self, profile: &str) -> Option<i64> {
        self.profiles.all.get(profile)?.status.revision
    }

    /// Revisions of a profile, the newest first, also those that are gone and still run; none when
    /// neither the profile is there nor anybody names it.
    #[must_use]
    pub fn runs(&self, profile: &str) -> Option<Vec<Run>> {
        let mut all: BTreeMap<i64, Run> = BTreeMap::new();
        let revisions = self.revisions.all.values().filter(|one| &*one.profile == profile);
        for Revision { number, made_at, content, .. } in revisions {
            let run = all.entry(*number).or_insert_with(|| none_of(*number));
            (run.made_at, run.content) = (*made_at, content.clone());
        }
        let mut named = self.profiles.all.contains_key(profile) || !all.is_empty();
        for tenant in self.tenants.all.values() {
            let number = |label: &Option<Box<str>>| number_of(label.as_deref()?, profile);
            let (runs, wanted) = (number(&tenant.runs), number(&tenant.wanted));
            let pinned = tenant.pinned.filter(|_| &*tenant.profile == profile);
            named |= &*tenant.profile == profile;
            // Mostly all three are one.
            let numbers: BTreeSet<i64> = [runs, wanted, pinned].into_iter().flatten().collect();
            for number in numbers {
                let run = all.entry(number).or_insert_with(|| none_of(number));
                run.running += u32::from(runs == Some(number));
                run.coming += u32::from(wanted == Some(number) && runs != wanted);
                run.pinned += u32::from(pinned == Some(number));
            }
        }
        named.then(|| all.into_values().rev().collect())
    }

    /// Tenants that follow a profile or run a revision of it, by name, each with where it stands.
    #[must_use]
    pub fn followers(&self, profile: &str, wanted: Wanted<'_>) -> Vec<(Box<str>, Follower, Stage)> {
        let from = wanted.after.map_or(Bound::Unbounded, Bound::Excluded);
        let behind = self.tenants.all.range::<str, _>((from, Bound::Unbounded));
        let runs = |tenant: &Follower| number_of(tenant.runs.as_deref()?, profile);
        // One that was given another profile runs this one until it has the other.
        let of = behind.filter(|(_, one)| &*one.profile == profile || runs(one).is_some());
        let stage = |tenant: &Follower| stage(tenant, self.newest(&tenant.profile));
        let staged = of.map(|(name, tenant)| (name, tenant, stage(tenant)));
        let these = staged.filter(|(_, tenant, stage)| {
            wanted.revision.is_none_or(|number| runs(tenant) == Some(number))
                && wanted.stage.is_none_or(|one| one == *stage)
        });
        let these = these.take(wanted.limit);
        these.map(|(name, tenant, stage)| (name.clone(), tenant.clone(), stage)).collect()
    }

    /// The tenants of an account, by name. Mostly it is one.
    #[must_use]
    pub fn stacks(&self, account: &str) -> Vec<(Box<str>, Follower)> {
        let its = |tenant: &Follower| tenant.account.as_deref() == Some(account);
        let all = self.tenants.all.iter().filter(|(_, tenant)| its(tenant));
        all.map(|(name, tenant)| (name.clone(), tenant.clone())).collect()
    }

    /// The profile that an account's tenant names; of several tenants, what they name.
    #[must_use]
    pub fn by_account(&self) -> HashMap<String, String> {
        let mut all: HashMap<&str, BTreeSet<&str>> = HashMap::new();
        for tenant in self.tenants.all.values() {
            if let Some(account) = &tenant.account {
                all.entry(account).or_default().insert(&tenant.profile);
            }
        }
        let named = |names: BTreeSet<&str>| names.into_iter().collect::<Vec<_>>().join(",");
        all.into_iter().map(|(account, names)| (account.to_owned(), named(names))).collect()
    }

    /// Since when not all of this is heard of any more.
    #[must_use]
    pub fn lost_since(&self) -> Option<Timestamp> {
        [self.profiles.lost, self.revisions.lost, self.tenants.lost].into_iter().flatten().min()
    }
}

fn none_of(number: i64) -> Run {
    Run { number, made_at: None, content: None, running: 0, coming: 0, pinned: 0 }
}

fn number_of(label: &str, profile: &str) -> Option<i64> {
    let (of, number) = label.rsplit_once('@')?;
    if of == profile { number.parse().ok() } else { None }
}
