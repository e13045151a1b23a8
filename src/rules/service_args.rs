//! How the payload of a request becomes the arguments of a procedure.

use serde_json::{Map, Value as Json};

/// Words of `-args`.
pub(crate) const FORMS: &[&str] = &["raw", "list", "dict", "none"];

/// What the payload of a request is to its handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// One argument.
    Raw,
    /// A Tcl list of arguments.
    List,
    /// A JSON object of arguments by name.
    Dict,
    /// Nothing.
    None,
}

impl Form {
    /// The form of a word of [`FORMS`].
    pub(crate) fn of(word: &str) -> Form {
        match word {
            "list" => Form::List,
            "dict" => Form::Dict,
            "none" => Form::None,
            _ => Form::Raw,
        }
    }

    /// The form that fits a procedure of so many parameters.
    pub(crate) fn that_fits(params: &Params) -> Form {
        match (params.names.len(), params.rest) {
            (0, false) => Form::None,
            (1, false) => Form::Raw,
            _ => Form::List,
        }
    }
}

/// The parameters of a procedure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Params {
    /// Names, each with whether there is a default.
    pub names: Vec<(String, bool)>,
    /// Whether `args` takes further ones.
    pub rest: bool,
}

/// An argument that was found for a parameter.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Found<'a> {
    /// A member of the object.
    Member(&'a Json),
    /// The default of the parameter of this index.
    Default(usize),
    /// Name of a member that goes to `args`; its value follows.
    Name(&'a str),
}

impl Params {
    /// Takes the names; `args` in the last place takes further arguments.
    pub(crate) fn new(mut names: Vec<(String, bool)>) -> Params {
        let rest = names.last().is_some_and(|(name, _)| name == "args");
        if rest {
            names.pop();
        }
        Params { names, rest }
    }

    /// Names in a list, as the endpoint's metadata shows them.
    pub(crate) fn shown(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(|(name, _)| name.as_str()).chain(self.rest.then_some("args"))
    }

    /// Whether a call with so many arguments is possible.
    pub(crate) fn admits(&self, count: usize) -> bool {
        // A default before a parameter without one never holds.
        let least = self.names.iter().rposition(|(_, default)| !default).map_or(0, |last| last + 1);
        count >= least && (self.rest || count <= self.names.len())
    }

    /// The arguments in words, for an error.
    pub(crate) fn usage(&self) -> String {
        let mut words: Vec<String> =
            self.names.iter().map(|(name, default)| if *default { format!("?{name}?") } else { name.clone() }).collect();
        words.extend(self.rest.then(|| "?arg ...?".to_string()));
        if words.is_empty() { "no arguments".to_string() } else { format!("arguments: {}", words.join(" ")) }
    }

    /// Finds the arguments among the members of an object.
    ///
    /// # Errors
    /// What is missing or not known.
    pub(crate) fn find<'a>(&self, members: &'a Map<String, Json>) -> Result<Vec<Found<'a>>, String> {
        let mut found = Vec::with_capacity(self.names.len());
        for (index, (name, default)) in self.names.iter().enumerate() {
            match members.get(name) {
                Some(value) => found.push(Found::Member(value)),
                None if *default => found.push(Found::Default(index)),
                None => return Err(format!("argument {name} is missing")),
            }
        }
        for (name, value) in members {
            if self.names.iter().any(|(known, _)| known == name) {
                continue;
            }
            if !self.rest {
                return Err(format!("unknown argument {}", name.escape_debug()));
            }
            found.extend([Found::Name(name), Found::Member(value)]);
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(words: &[&str]) -> Params {
        Params::new(words.iter().map(|word| (word.trim_start_matches('?').to_string(), word.starts_with('?'))).collect())
    }

    #[test]
    fn counts_of_arguments() {
        let admitted = |words: &[&str]| (0..6).filter(|count| params(words).admits(*count)).collect::<Vec<_>>();
        assert_eq!(admitted(&[]), [0]);
        assert_eq!(admitted(&["a", "b"]), [2]);
        assert_eq!(admitted(&["a", "?b"]), [1, 2]);
        assert_eq!(admitted(&["?a", "b"]), [2]);
        assert_eq!(admitted(&["a", "args"]), [1, 2, 3, 4, 5]);
        assert_eq!(admitted(&["args", "a"]), [2]);
    }

    #[test]
    fn words() {
        assert_eq!(params(&["a", "?b", "args"]).usage(), "arguments: a ?b? ?arg ...?");
        assert_eq!(params(&[]).usage(), "no arguments");
        assert_eq!(params(&["a", "args"]).shown().collect::<Vec<_>>(), ["a", "args"]);
        let form = |words: &[&str]| Form::that_fits(&params(words));
        assert_eq!(
            [form(&[]), form(&["a"]), form(&["a", "b"]), form(&["args"])],
            [Form::None, Form::Raw, Form::List, Form::List]
        );
        assert_eq!(["raw", "list", "dict", "none"].map(Form::of), [Form::Raw, Form::List, Form::Dict, Form::None]);
    }

    #[test]
    fn members() {
        let object = serde_json::json!({"b": 2, "a": "x", "z": null});
        let object = object.as_object().unwrap();
        assert_eq!(params(&["a"]).find(object), Err("unknown argument b".into()));
        assert_eq!(params(&["a", "b", "c", "z"]).find(object), Err("argument c is missing".into()));
        let (a, b, z) = (&object["a"], &object["b"], &object["z"]);
        assert_eq!(
            params(&["a", "b", "?c", "args"]).find(object),
            Ok(vec![Found::Member(a), Found::Member(b), Found::Default(2), Found::Name("z"), Found::Member(z)])
        );
    }
}
