//! What is known of the cluster, and which tenants something happened to.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use super::{due::Due, record::Record};

/// Shared knowledge of tenants and profiles. A clone is the same.
#[derive(Clone, Debug, Default)]
pub struct World {
    inner: Arc<Mutex<Inner>>,
    news: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Inner {
    tenants: BTreeMap<Box<str>, Record>,
    /// The uids of those that this version cannot read, by name.
    unreadable: BTreeMap<Box<str>, Box<str>>,
    profiles: BTreeMap<Box<str>, Option<String>>,
    /// However long nobody asks for them, as while the lists are not complete, each name is there once.
    news: Due,
    /// Whether some tenant may be gone that the ledger still has.
    gone: bool,
    listed: (bool, bool),
}

impl World {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Each change is whole under the lock.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A tenant as it is now. What is older than what is known is passed over: a list may be older
    /// than the answer to one's own write.
    pub fn put_tenant(&self, new: Record) {
        self.put(self.inner(), new);
    }

    /// The answer to a write of ours. A tenant that is gone since stays gone.
    pub fn put_own_tenant(&self, new: Record) {
        let inner = self.inner();
        if inner.tenants.get(&new.name).is_some_and(|known| known.uid == new.uid) {
            self.put(inner, new);
        }
    }

    fn put(&self, mut inner: MutexGuard<'_, Inner>, new: Record) {
        let known = inner.tenants.get(&new.name);
        if known.is_some_and(|known| known.uid == new.uid && known.version > new.version) {
            return;
        }
        let is_another = known.is_some_and(|known| known.uid != new.uid);
        let is_news = !known.is_some_and(|known| known.says_the_same_as(&new));
        inner.gone |= is_another;
        inner.unreadable.remove(&new.name);
        if is_news {
            inner.news.insert(new.name.clone());
        }
        inner.tenants.insert(new.name.clone(), new);
        drop(inner);
        self.news.notify_one();
    }

    /// A tenant that is there and cannot be read. What was read of it before stays, and its account is
    /// its own: it is not gone.
    pub fn put_unreadable(&self, name: &str, uid: &str) {
        let mut inner = self.inner();
        inner.unreadable.insert(name.into(), uid.into());
        if inner.tenants.get(name).is_some_and(|known| &*known.uid != uid) {
            inner.tenants.remove(name);
            inner.gone = true;
        }
        drop(inner);
        self.news.notify_one();
    }

    /// A tenant is gone.
    pub fn remove_tenant(&self, name: &str, uid: &str) {
        let mut inner = self.inner();
        if inner.unreadable.get(name).is_some_and(|known| &**known == uid) {
            inner.unreadable.remove(name);
        }
        if inner.tenants.get(name).is_some_and(|known| &*known.uid == uid) {
            inner.tenants.remove(name);
        }
        inner.gone = true;
        drop(inner);
        self.news.notify_one();
    }

    /// A whole list of tenants was seen: others are gone.
    pub fn listed_tenants(&self, names: &BTreeSet<Box<str>>) {
        let mut inner = self.inner();
        inner.tenants.retain(|name, _| names.contains(name));
        inner.unreadable.retain(|name, _| names.contains(name));
        inner.gone = true;
        inner.listed.0 = true;
        drop(inner);
        self.news.notify_one();
    }

    /// A profile, with the plan of tenants that name none.
    pub fn put_profile(&self, name: &str, plan: Option<String>) {
        let mut inner = self.inner();
        if inner.profiles.get(name) != Some(&plan) {
            inner.profiles.insert(name.into(), plan);
            let of = |record: &&Record| &*record.profile == name && record.plan.is_none();
            let of: Vec<_> = inner.tenants.values().filter(of).map(|r| r.name.clone()).collect();
            inner.news.extend(of);
        }
        drop(inner);
        self.news.notify_one();
    }

    /// A profile is gone.
    pub fn remove_profile(&self, name: &str) {
        self.inner().profiles.remove(name);
    }

    /// A whole list of profiles was seen: others are gone.
    pub fn listed_profiles(&self, names: &BTreeSet<Box<str>>) {
        let mut inner = self.inner();
        inner.profiles.retain(|name, _| names.contains(name));
        inner.listed.1 = true;
        drop(inner);
        self.news.notify_one();
    }

    /// Whether both lists were seen once: before, what is not there may only not be known yet.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.inner().listed == (true, true)
    }

    /// A tenant.
    #[must_use]
    pub fn tenant(&self, name: &str) -> Option<Record> {
        self.inner().tenants.get(name).cloned()
    }

    /// A profile's plan for tenants that name none; none when there is no such profile.
    #[must_use]
    pub fn default_plan(&self, profile: &str) -> Option<Option<String>> {
        self.inner().profiles.get(profile).cloned()
    }

    /// Names of tenants by the account that they have.
    #[must_use]
    pub fn by_account(&self) -> BTreeMap<String, Box<str>> {
        let inner = self.inner();
        let named =
            inner.tenants.values().filter_map(|r| Some((r.account.clone()?, r.name.clone())));
        named.collect()
    }

    /// The uids of all tenants, each once.
    #[must_use]
    pub fn uids(&self) -> Vec<String> {
        let inner = self.inner();
        let read = inner.tenants.values().map(|record| &record.uid);
        let all: BTreeSet<_> = read.chain(inner.unreadable.values()).collect();
        all.into_iter().map(ToString::to_string).collect()
    }

    /// How many tenants there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.inner().tenants.len()
    }

    /// Those to which something happened since the last time that this was asked, as it happened, each
    /// once.
    #[must_use]
    pub fn take_news(&self) -> VecDeque<Box<str>> {
        self.inner().news.take()
    }

    /// Whether some may be gone, since the last time that this was asked.
    #[must_use]
    pub fn take_gone(&self) -> bool {
        std::mem::take(&mut self.inner().gone)
    }

    /// What is gone was not seen to yet.
    pub fn put_gone_back(&self) {
        self.inner().gone = true;
    }

    /// Completes when something happened.
    pub async fn changed(&self) {
        self.news.notified().await;
    }
}
