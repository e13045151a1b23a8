//! Commands of dialect 3: the metadata of a message, and parts of configurations.

use serde_json::Value as Json;

use crate::bridge::command::Command;
use crate::bridge::errors::Result;
use crate::bridge::metadata::metadata_dict;
use crate::bridge::options::Options;
use crate::client::Argument;
use crate::rules::helpers::{KV_ORIGIN_OPTIONS, REPUBLISH_OPTIONS, STREAM_SOURCE_OPTIONS, SUBJECT_TRANSFORM_OPTIONS, part};
use crate::rules::option::{Name, Opt, named};
use crate::tcl::{Call, Obj};

/// The commands.
pub(crate) static COMMANDS: &[Command] = &[
    Command {
        name: "metadata",
        usage: "message",
        words: (1, 1),
        options: &[],
        help: "dict of what the reply subject of a message of JetStream tells; else `ErrNotJSMessage`",
        run: |call| metadata_dict(&call.args()[0]),
    },
    Command {
        name: "make_stream_source",
        usage: "-name stream ?-option value ...?",
        words: (0, usize::MAX),
        options: STREAM_SOURCE_OPTIONS,
        help: "JSON of a source or mirror",
        run: |call| {
            const API: Name = named(STREAM_SOURCE_OPTIONS, "api");
            const DELIVER: Name = named(STREAM_SOURCE_OPTIONS, "deliver");
            let options = read(call, STREAM_SOURCE_OPTIONS, &[named(STREAM_SOURCE_OPTIONS, "name")])?;
            if options.given(DELIVER).is_some() && options.given(API).is_none() {
                return Err(Argument::Needs(DELIVER, API).into());
            }
            json(&options)
        },
    },
    Command {
        name: "make_subject_transform",
        usage: "-src subjects -dest subject",
        words: (0, usize::MAX),
        options: SUBJECT_TRANSFORM_OPTIONS,
        help: "JSON of a subject transform",
        run: |call| {
            const BOTH: &[Name] = &[named(SUBJECT_TRANSFORM_OPTIONS, "src"), named(SUBJECT_TRANSFORM_OPTIONS, "dest")];
            json(&read(call, SUBJECT_TRANSFORM_OPTIONS, BOTH)?)
        },
    },
    Command {
        name: "make_republish",
        usage: "-src subjects -dest subject ?-headers_only bool?",
        words: (0, usize::MAX),
        options: REPUBLISH_OPTIONS,
        help: "JSON of a republishing",
        run: |call| {
            const BOTH: &[Name] = &[named(REPUBLISH_OPTIONS, "src"), named(REPUBLISH_OPTIONS, "dest")];
            json(&read(call, REPUBLISH_OPTIONS, BOTH)?)
        },
    },
    Command {
        name: "make_kv_origin",
        usage: "-bucket bucket ?-option value ...?",
        words: (0, usize::MAX),
        options: KV_ORIGIN_OPTIONS,
        help: "dict of a bucket's origin",
        run: kv_origin,
    },
];

fn read(call: &Call, table: &'static [Opt], required: &[Name]) -> Result<Options> {
    let options = Options::parse(call.interp, table, call.args())?;
    for name in required {
        options.required(*name)?;
    }
    Ok(options)
}

fn json(options: &Options) -> Result<Obj> {
    let part: Json = part(options.table(), options.values()).map_err(Argument::Value)?;
    Ok(Obj::text(&part.to_string()))
}

fn kv_origin(call: &Call) -> Result<Obj> {
    const DOMAIN: Name = named(KV_ORIGIN_OPTIONS, "domain");
    const API: Name = named(KV_ORIGIN_OPTIONS, "api");
    let options = read(call, KV_ORIGIN_OPTIONS, &[named(KV_ORIGIN_OPTIONS, "bucket")])?;
    if options.given(DOMAIN).is_some() && options.given(API).is_some() {
        return Err(Argument::Exclusive(DOMAIN, API).into());
    }
    let mut origin = Obj::dict();
    for opt in KV_ORIGIN_OPTIONS {
        let given = options.all().iter().find(|given| KV_ORIGIN_OPTIONS[given.index].name == opt.name);
        match (opt.name, given) {
            ("api", None) => {
                if let Some(domain) = options.given_text(DOMAIN) {
                    origin.put_text(API.as_str(), &Obj::text(&format!("$JS.{domain}.API")));
                }
            }
            ("domain", _) | (_, None) => {}
            (name, Some(given)) => origin.put_text(name, &given.obj),
        }
    }
    Ok(origin)
}
