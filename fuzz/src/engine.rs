// What no target calls is dead here, and alive in the library.
#![allow(dead_code)]

#[path = "../../src/engine/error.rs"]
mod error;
#[path = "../../src/engine/fuzz_checks.rs"]
pub mod fuzz_checks;
#[path = "../../src/engine/session/input.rs"]
mod input;
#[path = "../../src/engine/url.rs"]
mod url;
#[path = "../../src/engine/wire/mod.rs"]
mod wire;

/// Of a session the targets need the read buffer alone.
mod session {
    pub(super) use super::input;
}
