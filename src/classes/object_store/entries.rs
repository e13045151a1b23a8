//! Infos, and what is done with objects as wholes.

use std::rc::Rc;

use super::info::info_dict;
use super::state::{ObjectStore, object_name};
use crate::bridge::errors::Result;
use crate::bridge::method::Invocation;
use crate::bridge::task::block;
use crate::client::Fault;
use crate::rules::object_options::{INFO_OPTIONS, LIST_OPTIONS};
use crate::rules::option::{flag, named};
use crate::tcl::{Obj, Reply};

/// `info name ?-deleted bool?`
pub(super) fn info(state: &Rc<ObjectStore>, call: &Invocation) -> Result<Reply> {
    let name = object_name(&call.args[0])?;
    let deleted = call.options.flag(const { flag(INFO_OPTIONS, "deleted") });
    state.open()?;
    let store = Rc::clone(&state.store);
    block(call.interp, async move {
        let entry = if deleted { store.any(&name).await? } else { store.live(&name).await? };
        Ok(info_dict(&store.bucket, &entry))
    })
}

/// `exists name`
pub(super) fn exists(state: &Rc<ObjectStore>, call: &Invocation) -> Result<Reply> {
    let name = object_name(&call.args[0])?;
    state.open()?;
    let store = Rc::clone(&state.store);
    block(call.interp, async move {
        match store.live(&name).await {
            Ok(_) => Ok(Obj::bool(true)),
            Err(Fault::ObjectNotFound(_)) => Ok(Obj::bool(false)),
            Err(fault) => Err(fault.into()),
        }
    })
}

/// `delete name`
pub(super) fn delete(state: &Rc<ObjectStore>, call: &Invocation) -> Result<Reply> {
    let name = object_name(&call.args[0])?;
    state.open()?;
    let store = Rc::clone(&state.store);
    block(call.interp, async move {
        store.delete(&name).await?;
        Ok(Obj::empty())
    })
}

/// `list ?-deleted bool? ?-pattern glob?`
pub(super) fn list(state: &Rc<ObjectStore>, call: &Invocation) -> Result<Reply> {
    let deleted = call.options.flag(const { flag(LIST_OPTIONS, "deleted") });
    let pattern = call.options.given(const { named(LIST_OPTIONS, "pattern") }).map(|given| given.obj.clone());
    state.open()?;
    let store = Rc::clone(&state.store);
    block(call.interp, async move {
        let entries = store.metas().await?;
        let wanted = entries.iter().filter(|entry| deleted || !entry.meta.is_deleted());
        let matching = wanted.filter(|entry| pattern.as_ref().is_none_or(|glob| Obj::text(entry.meta.name()).matches(glob)));
        let infos: Vec<Obj> = matching.map(|entry| info_dict(&store.bucket, entry)).collect();
        Ok(Obj::list(&infos))
    })
}
