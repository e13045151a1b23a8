//! `open`: an object as a channel.

use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::put::plan;
use super::reader::{Reader, SharedReader};
use super::state::{ObjectStore, object_name};
use super::writer::{SharedWriter, Writer};
use crate::bridge::errors::Result;
use crate::bridge::method::Invocation;
use crate::bridge::task::block_then;
use crate::client::object::{Download, Upload};
use crate::client::{Argument, Fault};
use crate::rules::object_options::OPEN_OPTIONS;
use crate::rules::option::named;
use crate::tcl::{Home, Reply, driver};

/// Number of channels made by the process: they move between threads, each of which takes a name once.
static MADE: AtomicU64 = AtomicU64::new(0);

fn next_name() -> String {
    format!("natsobj{}", MADE.fetch_add(1, Ordering::Relaxed) + 1)
}

/// `open name ?mode? ?-option value ...?`
pub(super) fn open(state: &Rc<ObjectStore>, call: &Invocation) -> Result<Reply> {
    let name = object_name(&call.args[0])?;
    match call.args.get(1).map(|mode| mode.to_text()).as_deref() {
        None | Some("r") => read(state, call, name),
        Some("w") => write(state, call, name),
        Some(mode) => Err(Argument::OpenMode(mode.to_string()).into()),
    }
}

fn read(state: &Rc<ObjectStore>, call: &Invocation, name: String) -> Result<Reply> {
    const TIMEOUT: crate::rules::option::Name = named(OPEN_OPTIONS, "timeout");
    if let Some(given) = call.options.all().iter().find(|given| OPEN_OPTIONS[given.index].name != TIMEOUT.as_str()) {
        return Err(Argument::InvalidOption(OPEN_OPTIONS[given.index].name.to_string()).into());
    }
    let ms = state.timeout(call, TIMEOUT);
    state.open()?;
    let store = state.store.within(ms);
    let work = async move { Download::begin(&store, &name, ms).await };
    block_then(call.interp, work, move |interp, download: std::result::Result<Download, Fault>| {
        let (download, home) = (download?, Home::new(interp));
        let make = |notifier| -> Rc<dyn driver::Driver> { Rc::new(SharedReader(Reader::new(download, ms, &home, notifier))) };
        Ok(driver::open(interp, &next_name(), true, make))
    })
}

fn write(state: &Rc<ObjectStore>, call: &Invocation, name: String) -> Result<Reply> {
    let plan = plan(state, call, OPEN_OPTIONS, name, None)?;
    state.open()?;
    let state = Rc::clone(state);
    let store = state.store.within(plan.ms);
    let work = async move { Upload::begin(&store, plan).await };
    block_then(call.interp, work, move |interp, upload: std::result::Result<Upload, Fault>| {
        let (upload, home) = (upload?, Home::new(interp));
        let make = |notifier| -> Rc<dyn driver::Driver> {
            let writer = Writer::new(upload, &home, notifier);
            state.writes(&writer);
            Rc::new(SharedWriter(writer))
        };
        Ok(driver::open(interp, &next_name(), false, make))
    })
}
