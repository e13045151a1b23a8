//! Conversations: many messages of ours, and answers of a server, which are taken on the I/O thread. They end with the connection
//! on which they began: who answered there may not know of them any more.

use super::CallId;
use super::listener::End;
use super::message::{Message, Subject};
use super::subs::Sub;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

/// What follows from an answer, or from the time.
#[derive(Debug, Default)]
pub struct Turn {
    /// Subject and reply subject of a message to send; it has no payload.
    pub say: Option<(Subject, String)>,
    /// Nothing more is expected.
    pub over: bool,
    /// The owner has to be told.
    pub tell: bool,
}

/// One side of a conversation. Called on the I/O thread or inside of a call of [`super::Conn`], with locks of the engine held.
pub trait Talk: Send + Sync + fmt::Debug {
    /// An answer came.
    fn answer(&self, message: &Message, now: Instant) -> Turn;
    /// Its time has come.
    fn tick(&self, now: Instant) -> Turn;
    /// Time of the next [`Talk::tick`].
    fn next(&self) -> Option<Instant>;
    /// It is over, for a reason of the connection; true if the owner has to be told.
    fn end(&self, end: &End) -> bool;
    /// Whether its end was asked for, so that a close may wait for it.
    fn is_ending(&self) -> bool;
}

/// A conversation under way.
#[derive(Debug)]
pub(super) struct Talking {
    /// Where the answers come.
    pub sub: Arc<Sub>,
    /// Time at which it is called.
    pub next: Option<Instant>,
    /// Our side.
    pub talk: Arc<dyn Talk>,
    /// Number of the owner, for [`super::Event::Settled`].
    pub owner: CallId,
}
