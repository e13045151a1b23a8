//! The level of the JetStream API (NATS ADR-44): what an older server would ignore is refused before anything is sent.

use serde_json::Value as Json;

use super::api::{Api, PREFIX};
use super::fault::Fault;
use crate::rules::version::Version;

/// First server that tells a level.
const FIRST: Version = Version(2, 11, 0);

impl Api {
    /// The level, unless it has to be asked for: INFO tells it about the server's own JetStream only.
    pub(crate) fn known_level(&self) -> Option<u32> {
        let info = self.client.engine().server_info()?;
        let own = self.prefix() == PREFIX || self.domain.is_some();
        if let Some(version) = self.server_version().filter(|_| own) {
            let told = info.fields.get("api_lvl").and_then(Json::as_u64);
            if let Some(level) = told {
                return Some(u32::try_from(level).unwrap_or(u32::MAX));
            }
            if version < FIRST {
                return Some(0);
            }
        }
        let id = info.fields.get("server_id").and_then(Json::as_str)?;
        self.asked_level().borrow().as_ref().filter(|(asked, _)| asked == id).map(|(_, level)| *level)
    }

    /// The level, asked for once for each server that the connection has.
    ///
    /// # Errors
    /// As [`Api::ask`].
    pub(crate) async fn level(&self) -> Result<u32, Fault> {
        if let Some(level) = self.known_level() {
            return Ok(level);
        }
        let info = self.json("INFO", String::new()).await?;
        let level = info.get("api").and_then(|api| api.get("level")).and_then(Json::as_u64);
        let level = level.map_or(0, |level| u32::try_from(level).unwrap_or(u32::MAX));
        let server = self.client.engine().server_info();
        if let Some(id) = server.as_ref().and_then(|info| info.fields.get("server_id")).and_then(Json::as_str) {
            self.asked_level().replace(Some((id.to_string(), level)));
        }
        Ok(level)
    }

    /// Checks that the server's level is high enough for `what`: `The option -ttl`.
    ///
    /// # Errors
    /// [`Fault::LevelTooLow`], and those of [`Api::level`].
    pub(crate) async fn needs_level(&self, what: &str, needed: u32) -> Result<(), Fault> {
        if needed == 0 {
            return Ok(());
        }
        match self.level().await? {
            level if level < needed => Err(Fault::LevelTooLow { what: what.to_string(), needed, level }),
            _ => Ok(()),
        }
    }
}
