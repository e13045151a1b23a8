//! `get`: an object into a value or a file.

use std::rc::Rc;

use super::file::Target;
use super::info::info_dict;
use super::put::channel_failed;
use super::state::{ObjectStore, object_name};
use crate::bridge::errors::Result;
use crate::bridge::method::Invocation;
use crate::bridge::task::block_then;
use crate::client::object::Download;
use crate::client::{Argument, Slot};
use crate::rules::object_options::GET_OPTIONS;
use crate::rules::option::{Name, named};
use crate::tcl::bytes::{Growing, MOST};
use crate::tcl::channel::{Channel, Use};
use crate::tcl::{Obj, Reply};

const INFO: Name = named(GET_OPTIONS, "info");
const CHANNEL: Name = named(GET_OPTIONS, "channel");
const CALLBACK: Name = named(GET_OPTIONS, "callback");
const FILE: Name = named(GET_OPTIONS, "file");

/// Number of bytes that Tcl may keep for a channel that takes no more.
const KEPT: usize = 512 << 10;

/// Where an object goes.
enum Sink {
    Value(Growing),
    File(Target),
    Channel(Rc<Channel>),
}

impl Sink {
    async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        match self {
            Sink::Value(value) => value.extend(bytes),
            Sink::File(target) => target.write(bytes)?,
            Sink::Channel(channel) => return into_channel(channel, bytes).await,
        }
        Ok(())
    }

    /// What the call returns.
    fn finish(self, info: &Obj) -> Result<Obj> {
        match self {
            Sink::Value(value) => Ok(value.finish()),
            Sink::File(target) => target.finish().map(|()| info.clone()),
            Sink::Channel(channel) => {
                channel.flush().map_err(|failure| channel_failed("writing", failure))?;
                Ok(info.clone())
            }
        }
    }
}

/// Writes to a channel; one that takes no more is waited for.
async fn into_channel(channel: &Rc<Channel>, bytes: &[u8]) -> Result<()> {
    channel.write(&Obj::bytes(bytes)).map_err(|failure| channel_failed("writing", failure))?;
    let writable = Slot::new();
    while channel.kept() > KEPT {
        let told = Rc::clone(&writable);
        let _ready = channel.when_ready(Use::Write, Rc::new(move || told.push(())));
        writable.next().await;
    }
    Ok(())
}

/// `get name ?-option value ...?`
pub(super) fn get(state: &Rc<ObjectStore>, call: &Invocation) -> Result<Reply> {
    let name = object_name(&call.args[0])?;
    let file = call.options.given_text(FILE).map(str::to_string);
    let ms = state.timeout(call, const { named(GET_OPTIONS, "timeout") });
    let progress = state.progress(call, const { named(GET_OPTIONS, "progress") })?;
    let variable = call.options.given(INFO).map(|given| given.obj.clone());
    let channel = match call.options.given(CHANNEL) {
        Some(_) if file.is_some() => return Err(Argument::Exclusive(CHANNEL, FILE).into()),
        Some(given) => Some(Rc::new(Channel::find(call.interp, &given.obj, Use::Write)?)),
        None => None,
    };
    if variable.is_some() && call.options.given(CALLBACK).is_some() {
        return Err(Argument::Conflict(INFO, CALLBACK).into());
    }
    state.open()?;
    let store = state.store.within(ms);
    let work = async move {
        let mut download = Download::begin(&store, &name, ms).await?;
        let size = download.entry().meta.size();
        let mut sink = match (&file, channel) {
            (Some(path), _) => Sink::File(Target::create(path)?),
            (None, Some(channel)) => Sink::Channel(channel),
            (None, None) if size > MOST => return Err(Argument::TooLong { name, size }.into()),
            (None, None) => Sink::Value(Growing::new(size)),
        };
        let mut bytes = 0;
        while let Some(chunk) = download.next().await? {
            sink.write(chunk.payload()).await?;
            bytes += chunk.payload().len() as u64;
            if let Some(progress) = &progress {
                progress(bytes, size as i64);
            }
        }
        let info = info_dict(&download.store().bucket, download.entry());
        let result = sink.finish(&info)?;
        Ok((result, info))
    };
    let Some(variable) = variable else {
        return state.run(call, CALLBACK, async move { Ok(work.await?.0) });
    };
    block_then(call.interp, work, move |interp, outcome: Result<(Obj, Obj)>| {
        let (result, info) = outcome?;
        interp.set_var(&variable, &info)?;
        Ok(result)
    })
}
