//! The INFOs of a connection that a script has yet to see: a number that is limited.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::engine::Info;

/// Number of INFOs of a connection that may wait for the script.
const INFOS: usize = 16;

/// INFOs that wait for the script, each of which tells all: beyond a number only the latest is kept, since a server may send
/// them faster than a script takes them.
#[derive(Default)]
pub(crate) struct Infos(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    /// Number of those that are queued.
    queued: usize,
    /// The latest, if it is not queued: it takes the place of the last that is.
    latest: Option<Arc<Info>>,
}

impl Infos {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an INFO that came, and gives it back if it is to be queued.
    pub(super) fn came(&self, info: Arc<Info>) -> Option<Arc<Info>> {
        let mut waiting = self.waiting();
        if waiting.queued >= INFOS || waiting.latest.is_some() {
            waiting.latest = Some(info);
            return None;
        }
        waiting.queued += 1;
        Some(info)
    }

    /// The one to be told in the place of one that was queued.
    pub(super) fn told(&self, queued: Arc<Info>) -> Arc<Info> {
        let mut waiting = self.waiting();
        waiting.queued -= 1;
        let last = if waiting.queued == 0 { waiting.latest.take() } else { None };
        last.unwrap_or(queued)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_takes_the_place_of_the_last() {
        let info = |id: usize| Arc::new(Info::parse(format!("{{\"server_id\":\"{id}\"}}").as_bytes()).unwrap());
        let id = |info: &Info| info.fields["server_id"].as_str().unwrap().parse::<usize>().unwrap();
        let infos = Infos::default();
        let queued: Vec<_> = (1..=100).filter_map(|id| infos.came(info(id))).collect();
        assert_eq!(queued.len(), INFOS);
        let mut queued = queued.into_iter();
        assert_eq!(id(&infos.told(queued.next().unwrap())), 1);
        // Room is no reason to tell one before the latest.
        assert!(infos.came(info(101)).is_none());
        let told: Vec<_> = queued.map(|info| id(&infos.told(info))).collect();
        assert_eq!(told, (2..INFOS).chain([101]).collect::<Vec<_>>());
        let next = infos.came(info(102)).unwrap();
        assert_eq!(id(&infos.told(next)), 102);
    }
}
