//! What the server says about itself and about what it was asked.

use super::Session;
use crate::engine::error::Problem;
use crate::engine::log::Level;
use crate::engine::server_error::{Verdict, classify};
use crate::engine::wire::header;
use crate::engine::wire::info::Info;
use crate::engine::{cause, lock, refused};
use std::time::{Duration, Instant};

/// Time in which a server closes after an error of an unknown kind, if it does.
const HOLD: Duration = Duration::from_millis(50);

/// Time in which a close is still that of an error which has been told meanwhile, if nothing has come in between.
const AFTERMATH: Duration = Duration::from_secs(2);

impl Session<'_> {
    /// An INFO: it may name further servers, limits, or the end of the server.
    ///
    /// # Errors
    /// `ErrProtocol` for what is no JSON object.
    pub(super) fn info(&self, json: &[u8]) -> Result<(), Problem> {
        let info = Info::parse(json).ok_or_else(|| cause::invalid(&[b"INFO ", json].concat()))?;
        discover(self.shared, &info, self.scheme);
        if info.ldm && !self.leaving.replace(info.ldm) {
            self.shared.log(Level::Info, || format!("Server {} is about to shut down", self.address));
        }
        self.shared.set_info(info);
        Ok(())
    }

    /// Tells an error that was held back in case it was the server's last word.
    pub(super) fn tell_held(&self) {
        if let Some((problem, _)) = self.held.take() {
            self.told.replace(Some((problem.clone(), Instant::now() + AFTERMATH, self.received.get())));
            self.report(problem);
        }
    }

    /// The error for which the server ends the connection, though it took its time.
    pub(super) fn told_before(&self) -> Option<Problem> {
        let (problem, until, received) = self.told.take()?;
        (received == self.received.get() && Instant::now() < until).then_some(problem)
    }

    /// `-ERR`
    ///
    /// # Errors
    /// One for which the server ends the connection.
    pub(super) fn server_error(&self, text: &[u8]) -> Result<(), Problem> {
        self.tell_held();
        match classify(&header::text(text)) {
            Verdict::Fatal(problem) => return Err(problem),
            Verdict::Choked(problem) => {
                self.choked.set(true);
                self.hold(problem);
            }
            Verdict::LongLine(problem) => {
                self.choked.set(true);
                self.long_line.replace(Some((self.restoring.get(), problem.clone())));
                self.hold(problem);
            }
            Verdict::Other(problem) => self.hold(problem),
            Verdict::Crowded(problem) => {
                self.report(problem.clone());
                refused::by_number(self.shared, &problem);
            }
            Verdict::BadSubject(problem) => {
                // Subjects of the library's own making are not the script's concern.
                let own = self.odd.borrow_mut().pop_front().unwrap_or(false);
                if !own {
                    self.report(problem);
                }
            }
            Verdict::InvalidSubject(problem) => self.report(problem),
            Verdict::Permission { subject, problem } => {
                self.report(problem.clone());
                refused::by_subject(self.shared, &subject, &problem);
            }
        }
        Ok(())
    }

    fn hold(&self, problem: Problem) {
        self.held.replace(Some((problem, tokio::time::Instant::now() + HOLD)));
    }
}

/// Servers that an INFO names join the pool, those that are not named any more leave it.
pub(in crate::engine) fn discover(shared: &crate::engine::shared::Shared, info: &Info, scheme: crate::engine::url::Scheme) {
    let config = shared.config();
    if config.ignore_discovered {
        return;
    }
    let urls = if scheme.is_websocket() { &info.ws_connect_urls } else { &info.connect_urls };
    let (new, gone) = lock(&shared.pool).discover(urls, config.randomize);
    if !new.is_empty() {
        shared.log(Level::Debug, || format!("Discovered servers: {}", new.join(" ")));
    }
    for address in gone {
        shared.log(Level::Debug, || format!("Server {address} left the pool"));
    }
}
