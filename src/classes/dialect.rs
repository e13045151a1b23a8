//! The faces of the dialects: the classes and commands that an interpreter gets, and the variable and the version that tell
//! which.

use super::{
    batch, bucket, connection, fast_publisher, jet_stream, key_value, kv_watcher, message, messages, object_store,
    ordered_consumer, publisher, service,
};
use crate::bridge::codes::CODES;
use crate::bridge::command::Command;
use crate::bridge::errors::to_tcl;
use crate::bridge::{describe, dialect};
use crate::client::Argument;
use crate::rules::dialect::{DIALECT_2, DIALECT_3, Dialect};
use crate::tcl::trace::Guard;
use crate::tcl::{Interp, Obj, Result, class};

/// Classes and commands of a dialect.
struct Face {
    dialect: &'static Dialect,
    classes: &'static [Class],
    commands: &'static [&'static [Command]],
}

/// A class, independent of the type of its objects' state.
struct Class {
    name: &'static str,
    define: fn(Interp) -> Result<()>,
    describe: fn() -> Obj,
}

const CONNECTION: Class = Class {
    name: connection::CLASS.name,
    define: |interp| class::define(interp, &connection::CLASS),
    describe: || describe::class(&connection::CLASS),
};
const JET_STREAM_2: Class = Class {
    name: jet_stream::CLASS_2.name,
    define: |interp| class::define(interp, &jet_stream::CLASS_2),
    describe: || describe::class(&jet_stream::CLASS_2),
};
const JET_STREAM_3: Class = Class {
    name: jet_stream::CLASS_3.name,
    define: |interp| class::define(interp, &jet_stream::CLASS_3),
    describe: || describe::class(&jet_stream::CLASS_3),
};
const ORDERED_CONSUMER: Class = Class {
    name: ordered_consumer::CLASS.name,
    define: |interp| class::define(interp, &ordered_consumer::CLASS),
    describe: || describe::class(&ordered_consumer::CLASS),
};
const BATCH: Class = Class {
    name: batch::CLASS.name,
    define: |interp| class::define(interp, &batch::CLASS),
    describe: || describe::class(&batch::CLASS),
};
const FAST_PUBLISHER: Class = Class {
    name: fast_publisher::CLASS.name,
    define: |interp| class::define(interp, &fast_publisher::CLASS),
    describe: || describe::class(&fast_publisher::CLASS),
};
const PUBLISHER: Class = Class {
    name: publisher::CLASS.name,
    define: |interp| class::define(interp, &publisher::CLASS),
    describe: || describe::class(&publisher::CLASS),
};
const MESSAGES: Class = Class {
    name: messages::CLASS.name,
    define: |interp| class::define(interp, &messages::CLASS),
    describe: || describe::class(&messages::CLASS),
};
const BUCKET: Class = Class {
    name: bucket::CLASS.name,
    define: |interp| class::define(interp, &bucket::CLASS),
    describe: || describe::class(&bucket::CLASS),
};
const KV_WATCHER: Class = Class {
    name: kv_watcher::CLASS.name,
    define: |interp| class::define(interp, &kv_watcher::CLASS),
    describe: || describe::class(&kv_watcher::CLASS),
};
const KEY_VALUE: Class = Class {
    name: key_value::CLASS.name,
    define: |interp| class::define(interp, &key_value::CLASS),
    describe: || describe::class(&key_value::CLASS),
};
const OBJECT_STORE: Class = Class {
    name: object_store::CLASS.name,
    define: |interp| class::define(interp, &object_store::CLASS),
    describe: || describe::class(&object_store::CLASS),
};

const SERVICE: Class = Class {
    name: service::CLASS.name,
    define: |interp| class::define(interp, &service::CLASS),
    describe: || describe::class(&service::CLASS),
};
const SERVICE_GROUP: Class = Class {
    name: service::GROUP_CLASS.name,
    define: |interp| class::define(interp, &service::GROUP_CLASS),
    describe: || describe::class(&service::GROUP_CLASS),
};
const SERVICE_REMOTE: Class = Class {
    name: service::REMOTE_CLASS.name,
    define: |interp| class::define(interp, &service::REMOTE_CLASS),
    describe: || describe::class(&service::REMOTE_CLASS),
};

static FACES: &[Face] = &[
    Face {
        dialect: &DIALECT_2,
        classes: &[
            CONNECTION,
            JET_STREAM_2,
            PUBLISHER,
            BATCH,
            FAST_PUBLISHER,
            KEY_VALUE,
            OBJECT_STORE,
            MESSAGES,
            ORDERED_CONSUMER,
            SERVICE,
            SERVICE_GROUP,
            SERVICE_REMOTE,
        ],
        commands: &[message::time::COMMANDS, message::time::OLD_COMMANDS],
    },
    Face {
        dialect: &DIALECT_3,
        classes: &[
            CONNECTION,
            JET_STREAM_3,
            PUBLISHER,
            BATCH,
            FAST_PUBLISHER,
            ORDERED_CONSUMER,
            BUCKET,
            KV_WATCHER,
            OBJECT_STORE,
            MESSAGES,
            SERVICE,
            SERVICE_GROUP,
            SERVICE_REMOTE,
        ],
        commands: &[message::time::COMMANDS, message::helpers::COMMANDS],
    },
];

/// Variable in which pkgIndex.tcl names the version that is wanted, and in which scripts find their dialect.
const VARIABLE: &str = "::nats::dialect";

/// Commands for the handlers of services.
const SERVICE_COMMANDS: (&str, &[Command]) = (service::commands::NAMESPACE, service::commands::COMMANDS);

/// Makes the commands and classes of the dialect that is wanted, and provides the package in that version.
///
/// # Errors
/// What Tcl says if a command cannot be made; a version of no dialect.
pub(super) fn register(interp: Interp) -> Result<()> {
    let wish = interp.get_var(&Obj::text(VARIABLE)).map(|version| version.to_text());
    interp.reset_result();
    let version = wish.unwrap_or_else(|_| env!("CARGO_PKG_VERSION").to_string());
    let dialect = Dialect::of_version(&version);
    let face = FACES.iter().find(|face| Some(face.dialect) == dialect);
    let face = face.ok_or_else(|| to_tcl(interp, Argument::NoDialect(version.clone())))?;
    dialect::speak(interp, face.dialect);
    for commands in face.commands {
        for command in *commands {
            class::command(interp, "::nats", command);
        }
    }
    for class in face.classes {
        (class.define)(interp)?;
    }
    let guard = Guard::new();
    guard.set(interp, VARIABLE, None, &Obj::int(face.dialect.number as i64))?;
    guard.protect(interp, VARIABLE);
    interp.provide("nats", &version)
}

/// The tables of the interpreter's dialect as a dict: `classes` (see [`describe::class`]) and `commands` (see
/// [`describe::command`]) by their full names, `connection_defaults` where the dialect has other ones than the table of options,
/// and `codes`, the error codes of all dialects.
pub(super) fn tables(interp: Interp) -> Obj {
    let (mut classes, mut commands) = (Obj::dict(), Obj::dict());
    let face = FACES.iter().find(|face| face.dialect == dialect::of(interp)).unwrap_or(&FACES[0]);
    for class in face.classes {
        classes.put_text(class.name, &(class.describe)());
    }
    let plain = face.commands.iter().map(|rows| ("::nats", *rows));
    for (namespace, rows) in plain.chain(message::ENSEMBLES.iter().copied()).chain([SERVICE_COMMANDS]) {
        for row in rows {
            commands.put_text(&format!("{namespace}::{}", row.name), &describe::command(row));
        }
    }
    let defaults = face.dialect.connection_defaults.iter().map(|(name, default)| (*name, Obj::text(default)));
    describe::dict([
        ("classes", classes),
        ("commands", commands),
        ("connection_defaults", describe::dict(defaults)),
        ("codes", Obj::text_list(CODES)),
    ])
}
