//! Commands of dialect 3: the metadata of a message, and parts of configurations.

use serde_json::Value as Json;

use crate::bridge::command::Command;
use crate::bridge::errors::Result;
use crate::bridge::metadata::metadata_dict;
use crate::bridge::options::Options;
use crate::client::Argument;
use crate::rules::helpers::{KV_ORIGIN_OPTIONS, REPUBLISH_OPTIONS, STREAM_SOURCE_OPTIONS, SUBJECT_TRANSFORM_OPTIONS, part};
use crate::rules::option::Opt;
use crate::tcl::{Call, Obj};

/// The commands.
pub static COMMANDS: &[Command] = &[
    Command {
        name: "metadata",
        usage: "message",
        words: (1, 1),
        help: "dict of what the reply subject of a message of JetStream tells; else `ErrNotJSMessage`",
        run: |call| metadata_dict(&call.args()[0]),
    },
    Command {
        name: "make_stream_source",
        usage: "-name stream ?-option value ...?",
        words: (0, usize::MAX),
        help: "JSON of a source or mirror: `-name -opt_start_seq -opt_start_time -filter_subject -subject_transforms -api -deliver`",
        run: |call| {
            let options = read(call, STREAM_SOURCE_OPTIONS, &["name"])?;
            needs(&options, "deliver", "api")?;
            json(STREAM_SOURCE_OPTIONS, &options)
        },
    },
    Command {
        name: "make_subject_transform",
        usage: "-src subjects -dest subject",
        words: (0, usize::MAX),
        help: "JSON of a subject transform: `-src -dest`",
        run: |call| json(SUBJECT_TRANSFORM_OPTIONS, &read(call, SUBJECT_TRANSFORM_OPTIONS, &["src", "dest"])?),
    },
    Command {
        name: "make_republish",
        usage: "-src subjects -dest subject ?-headers_only bool?",
        words: (0, usize::MAX),
        help: "JSON of a republishing: `-src -dest -headers_only`",
        run: |call| json(REPUBLISH_OPTIONS, &read(call, REPUBLISH_OPTIONS, &["src", "dest"])?),
    },
    Command {
        name: "make_kv_origin",
        usage: "-bucket bucket ?-option value ...?",
        words: (0, usize::MAX),
        help: "dict of a bucket's origin: `-stream -bucket -keys -api -deliver -domain`",
        run: kv_origin,
    },
];

fn read(call: &Call, table: &'static [Opt], required: &[&'static str]) -> Result<Options> {
    let options = Options::parse(call.interp, table, call.args())?;
    match required.iter().find(|name| options.get(name).is_none()) {
        Some(name) => Err(Argument::Required(name).into()),
        None => Ok(options),
    }
}

fn needs(options: &Options, one: &'static str, other: &'static str) -> Result<()> {
    if options.get(one).is_some() && options.get(other).is_none() {
        return Err(Argument::Needs(one, other).into());
    }
    Ok(())
}

fn json(table: &[Opt], options: &Options) -> Result<Obj> {
    let part: Json = part(table, options.values()).map_err(Argument::Value)?;
    Ok(Obj::text(&part.to_string()))
}

fn kv_origin(call: &Call) -> Result<Obj> {
    let options = read(call, KV_ORIGIN_OPTIONS, &["bucket"])?;
    if options.get("domain").is_some() && options.get("api").is_some() {
        return Err(Argument::Exclusive("domain", "api").into());
    }
    let mut origin = Obj::dict();
    for opt in KV_ORIGIN_OPTIONS {
        match (opt.name, options.get(opt.name)) {
            ("api", None) => {
                if let Some(domain) = options.text("domain") {
                    origin.put_text("api", &Obj::text(&format!("$JS.{domain}.API")));
                }
            }
            ("domain", _) | (_, None) => {}
            (name, Some(given)) => origin.put_text(name, &given.obj),
        }
    }
    Ok(origin)
}
