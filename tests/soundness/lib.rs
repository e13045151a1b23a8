//! `src/tcl` as a crate of its own, which proves that it imports nothing of ours, and what must not compile on top of it.
//!
//! A string cannot be looked at after a change of its value:
//!
//! ```compile_fail,E0502
//! use soundness::tcl::Obj;
//! fn f(mut o: Obj, x: Obj) -> u8 {
//!     let s = o.raw_str();
//!     o.append(&x);
//!     s[0]
//! }
//! ```
//!
//! ```compile_fail,E0502
//! use soundness::tcl::Obj;
//! fn f(mut o: Obj, x: Obj) -> usize {
//!     let s = o.as_text();
//!     o.put_text("key", &x);
//!     s.len()
//! }
//! ```
//!
//! Bytes cannot be taken out of the closure that sees them, where a conversion of the value would free them:
//!
//! ```compile_fail
//! use soundness::tcl::Obj;
//! fn f(o: Obj) -> u8 {
//!     let b: &[u8] = o.with_bytes(|bytes| bytes);
//!     o.as_int();
//!     b[0]
//! }
//! ```
//!
//! Neither an interpreter nor an object can be kept:
//!
//! ```compile_fail,E0521
//! use soundness::tcl::{Call, Interp};
//! use std::cell::Cell;
//! thread_local! { static KEPT: Cell<Option<Interp<'static>>> = const { Cell::new(None) } }
//! fn f(call: &Call) {
//!     KEPT.set(Some(call.interp));
//! }
//! ```
//!
//! ```compile_fail,E0521
//! use soundness::tcl::{Call, Object};
//! fn keep(_: Option<Object<'static>>) {}
//! fn f(call: &Call) {
//!     keep(call.object());
//! }
//! ```
//!
//! ```compile_fail,E0716
//! use soundness::tcl::Home;
//! fn f(home: &Home) {
//!     let interp = home.live().unwrap().interp();
//!     interp.reset_result();
//! }
//! ```
//!
//! No value goes to another thread:
//!
//! ```compile_fail,E0277
//! fn f(o: soundness::tcl::Obj) {
//!     std::thread::spawn(move || drop(o));
//! }
//! ```
//!
//! That the examples fail for their reasons, this one shows, which compiles:
//!
//! ```no_run
//! use soundness::tcl::{Call, Home, Obj};
//! fn f(call: &Call, mut o: Obj, x: Obj) -> Option<i64> {
//!     let first = o.with_bytes(|bytes| bytes.first().copied());
//!     let length = o.raw_str().len();
//!     o.append(&x);
//!     o.put_text("key", &x);
//!     call.interp.set_result(&o);
//!     let home = Home::new(call.interp);
//!     home.live()?.interp().reset_result();
//!     drop(call.object());
//!     o.as_int().filter(|_| first.is_some() && length > 0)
//! }
//! ```
#![allow(unsafe_code)]

#[path = "../../src/tcl/mod.rs"]
pub mod tcl;
