//! A queue of names to look at again. A name waits in it once, however often it is put in, so it
//! never grows beyond the number of tenants.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use futures::Stream;
use tokio::sync::Notify;

/// See the module. Cheap to clone.
#[derive(Clone, Default)]
pub struct Kicks {
    waiting: Arc<Mutex<VecDeque<Box<str>>>>,
    notify: Arc<Notify>,
}

impl Kicks {
    /// Puts a name in, unless it waits already.
    pub fn kick(&self, name: &str) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if !waiting.iter().any(|n| n.as_ref() == name) {
            waiting.push_back(name.into());
            drop(waiting);
            self.notify.notify_one();
        }
    }

    /// Takes the oldest name out.
    fn take(&self) -> Option<Box<str>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// The names as they come, without end. One reader at a time.
    pub fn stream(&self) -> impl Stream<Item = Box<str>> + Send + 'static {
        futures::stream::unfold(self.clone(), |kicks| async move {
            loop {
                if let Some(name) = kicks.take() {
                    return Some((name, kicks));
                }
                kicks.notify.notified().await;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::StreamExt;

    #[tokio::test]
    async fn a_name_waits_once() {
        let kicks = Kicks::default();
        for name in ["a", "b", "a"] {
            kicks.kick(name);
        }
        let taken: Vec<_> = kicks.stream().take(2).collect().await;
        assert_eq!(taken, ["a".into(), "b".into()] as [Box<str>; 2]);
        assert!(kicks.take().is_none());
    }
}
