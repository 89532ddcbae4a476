//! The grammar of the interface's frames that `idlc gen --out grammar=…` writes, read back.

use std::collections::HashMap;

use serde_json::Value;

/// A type of the interface.
#[derive(Clone, Debug)]
pub enum Type {
    /// A built-in type, or a declared one, by its name.
    Named(String),
    Fixed(usize),
    Optional(Box<Type>),
    List(Box<Type>),
    Map(Box<Type>, Box<Type>),
    Object,
    Callback,
}

/// A record, enum or error.
pub struct Product {
    pub record: bool,
    /// Of an error.
    pub domain: u32,
    /// Fields of the record, or of each variant.
    pub alternatives: Vec<Vec<Type>>,
}

/// A method.
pub struct Method {
    pub name: String,
    pub id: u32,
    pub kind: Kind,
    pub arguments: Vec<Type>,
    /// What the caller streams.
    pub input: Option<Type>,
    pub result: Option<Type>,
    /// Whether results come as a stream.
    pub stream: bool,
    pub emits: Option<Type>,
    pub throws: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Constructor,
    Request,
    Immediate,
    Callback,
}

pub struct Grammar {
    pub types: HashMap<String, Product>,
    pub methods: Vec<Method>,
}

impl Grammar {
    /// Reads the grammar, and adds the methods that every library has.
    pub fn parse(text: &str) -> Grammar {
        let json: Value = serde_json::from_str(text).expect("the grammar is JSON");
        let types = json["types"].as_object().expect("has types").iter();
        let mut methods: Vec<Method> = list(&json["methods"], method);
        // One makes frames that nobody asked for, the other ends only when it is cancelled, and then as if it were not.
        methods.retain(|method| !["Echo.forge", "Echo.commit"].contains(&method.name.as_str()));
        let named = |name: &str| Type::Named(name.to_owned());
        for (id, name, arguments) in [(1, "alloc", vec![named("u64")]), (2, "fill", vec![named("i32"), named("u64")])] {
            methods.push(Method {
                name: name.to_owned(),
                id,
                kind: Kind::Constructor,
                arguments,
                input: None,
                result: Some(named("buffer")),
                stream: false,
                emits: None,
                throws: None,
            });
        }
        Grammar { types: types.map(|(name, json)| (name.clone(), product(json))).collect(), methods }
    }

    /// The method that a frame of a caller's can call.
    pub fn method(&self, id: u32) -> Option<&Method> {
        self.methods.iter().find(|method| method.id == id && method.kind != Kind::Callback)
    }

    /// The method that a frame of the library's can call.
    pub fn callback(&self, id: u32) -> Option<&Method> {
        self.methods.iter().find(|method| method.id == id && method.kind == Kind::Callback)
    }
}

fn list<T>(json: &Value, read: fn(&Value) -> T) -> Vec<T> {
    json.as_array().expect("is a list").iter().map(read).collect()
}

fn text(json: &Value) -> String {
    json.as_str().expect("is a text").to_owned()
}

fn product(json: &Value) -> Product {
    Product {
        record: json["kind"] == "record",
        domain: json["domain"].as_u64().unwrap_or_default() as u32,
        alternatives: list(&json["alternatives"], |alternative| list(&alternative["fields"], reference)),
    }
}

fn method(json: &Value) -> Method {
    Method {
        name: text(&json["name"]),
        id: json["id"].as_u64().expect("is a number") as u32,
        kind: match json["kind"].as_str() {
            Some("constructor") => Kind::Constructor,
            Some("request") => Kind::Request,
            Some("immediate") => Kind::Immediate,
            Some("callback") => Kind::Callback,
            kind => panic!("a method of kind {kind:?}"),
        },
        arguments: list(&json["arguments"], reference),
        input: json.get("input").map(reference),
        result: json.get("result").map(reference),
        stream: json["stream"] == true,
        emits: json.get("emits").map(reference),
        throws: json.get("throws").map(text),
    }
}

fn reference(json: &Value) -> Type {
    let Some(made) = json.as_object() else { return Type::Named(text(json)) };
    let (key, of) = made.iter().next().expect("has one key");
    match key.as_str() {
        "fixed" => Type::Fixed(of.as_u64().expect("is a number") as usize),
        "optional" => Type::Optional(Box::new(reference(of))),
        "list" => Type::List(Box::new(reference(of))),
        "map" => Type::Map(Box::new(reference(&of[0])), Box::new(reference(&of[1]))),
        "object" => Type::Object,
        "callback" => Type::Callback,
        other => panic!("a type of kind {other}"),
    }
}
