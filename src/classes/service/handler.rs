//! What handles the requests of an endpoint, and its arguments.

use serde_json::{Map, Value as Json};

use crate::bridge::errors::Result;
use crate::bridge::json::to_obj;
use crate::bridge::messages::{Coding, dict_in, payload_in};
use crate::classes::service::check::bad;
use crate::engine::Message;
use crate::rules::service_args::{Form, Found, Params};
use crate::tcl::{Interp, Obj};

/// What handles the requests of an endpoint.
pub(super) struct Handler {
    words: Vec<Obj>,
    /// `None`: it gets the message.
    form: Option<Form>,
    /// Its parameters, if it is a procedure.
    params: Option<Params>,
    /// The defaults of the parameters.
    defaults: Vec<Option<Obj>>,
}

impl Handler {
    /// A command prefix that gets the message.
    pub(super) fn callback(words: Vec<Obj>) -> Handler {
        Handler { words, form: None, params: None, defaults: Vec::new() }
    }

    /// A command of the caller's namespace.
    ///
    /// # Errors
    /// `ErrInvalidArg`: there is none of this name, or arguments by name are wanted of one that is no procedure.
    pub(super) fn command(interp: Interp, name: &Obj, form: Form) -> Result<Handler> {
        let which = [Obj::text("::namespace"), Obj::text("which"), Obj::text("-command"), name.clone()];
        let command = interp.call_here(&which).ok().filter(|command| !command.is_empty());
        interp.reset_result();
        let command = command.ok_or_else(|| bad("command", &name.as_text()))?;
        let found = procedure(interp, &command);
        interp.reset_result();
        let (params, defaults) = match found {
            Some((params, defaults)) => (Some(params), defaults),
            None if form == Form::Dict => return Err(bad("procedure", &name.as_text()).into()),
            None => (None, Vec::new()),
        };
        Ok(Handler { words: vec![command], form: Some(form), params, defaults })
    }

    /// A procedure without a name.
    ///
    /// # Errors
    /// `ErrInvalidArg`
    pub(super) fn lambda(args: &Obj, body: &Obj, form: Option<Form>) -> Result<Handler> {
        let wrong = || bad("list of parameters", &args.as_text());
        let (mut names, mut defaults) = (Vec::new(), Vec::new());
        for parameter in args.as_list().ok_or_else(wrong)? {
            let (name, default) = match parameter.as_list().as_deref() {
                Some([name]) => (name.to_text(), None),
                Some([name, default]) => (name.to_text(), Some(default.clone())),
                _ => return Err(wrong().into()),
            };
            if name.is_empty() || name.contains("::") || name.contains('(') {
                return Err(wrong().into());
            }
            names.push((name, default.is_some()));
            defaults.push(default);
        }
        let params = Params::new(names);
        let form = form.unwrap_or_else(|| Form::that_fits(&params));
        let words = vec![Obj::text("::apply"), Obj::list(&[args.clone(), body.clone()])];
        Ok(Handler { words, form: Some(form), params: Some(params), defaults })
    }

    /// What the metadata of the endpoint say of it: the names of the arguments, and how a caller gives them.
    pub(super) fn describe(&self, metadata: &mut Map<String, Json>) {
        let Some(params) = self.params.as_ref().filter(|_| matches!(self.form, Some(Form::List | Form::Dict))) else { return };
        let names: Vec<&str> = params.shown().collect();
        let mut describe = |name: &str, text: String| {
            if !metadata.contains_key(name) {
                metadata.insert(name.to_string(), text.into());
            }
        };
        describe("args", Obj::text_list(&names).to_text());
        if self.form == Some(Form::Dict) {
            describe("args_form", "dict".to_string());
        }
    }

    /// The words that handle a request.
    ///
    /// # Errors
    /// What is wrong with the request.
    pub(super) fn words(&self, coding: Coding, message: &Message, sub: u64) -> std::result::Result<Vec<Obj>, String> {
        let mut words = self.words.clone();
        let payload = || payload_in(coding, message.payload());
        match self.form {
            None => words.push(dict_in(coding, message, sub)),
            Some(Form::Raw) => words.push(payload()),
            Some(Form::None) => {}
            Some(Form::List) => {
                let args = payload().as_list().ok_or("the payload is no Tcl list")?;
                let admitted = self.params.as_ref().filter(|params| !params.admits(args.len()));
                if let Some(params) = admitted {
                    return Err(format!("wrong number of arguments: {} given, should be {}", args.len(), params.usage()));
                }
                words.extend(args);
            }
            Some(Form::Dict) => words.extend(self.by_name(message.payload())?),
        }
        Ok(words)
    }

    fn by_name(&self, payload: &[u8]) -> std::result::Result<Vec<Obj>, String> {
        let members: Map<String, Json> = match payload {
            b"" => Map::new(),
            payload => serde_json::from_slice(payload).map_err(|_| "the payload is no JSON object")?,
        };
        let Some(params) = &self.params else { return Ok(Vec::new()) };
        let found = params.find(&members)?;
        Ok(found
            .into_iter()
            .map(|found| match found {
                Found::Member(value) => to_obj(value),
                Found::Default(index) => self.defaults.get(index).cloned().flatten().unwrap_or_else(Obj::empty),
                Found::Name(name) => Obj::text(name),
            })
            .collect())
    }
}

/// Variable that takes a default (info(n), default).
const DEFAULT: &str = "::nats::internal::default";

/// Parameters and defaults of a procedure; `None` if the command is none.
fn procedure(interp: Interp, command: &Obj) -> Option<(Params, Vec<Option<Obj>>)> {
    let names = interp.call(&[Obj::text("::tcl::info::args"), command.clone()]).ok()?.as_list()?;
    let (mut params, mut defaults) = (Vec::new(), Vec::new());
    for name in names {
        let has = [Obj::text("::tcl::info::default"), command.clone(), name.clone(), Obj::text(DEFAULT)];
        let has = interp.call(&has).ok()?.as_bool()?;
        let default = if has { interp.get_var(&Obj::text(DEFAULT)).ok() } else { None };
        params.push((name.to_text(), has));
        defaults.push(default);
    }
    interp.unset_global(DEFAULT, None);
    Some((Params::new(params), defaults))
}
