//! Whether a binding and a library of different schemas understand each other, by the canonical texts of both
//! (docs/boundary.md, "Compatibility").

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Characters of a line that a message quotes.
const QUOTED: usize = 80;

/// Compares the library's text with a binding's; answers what is missing or differs, in words.
pub(crate) fn compare(library: &str, binding: &[u8]) -> Result<(), String> {
    let Ok(binding) = std::str::from_utf8(binding) else {
        return Err("the binding's schema is not UTF-8; it is not one that idlc made".to_owned());
    };
    let of_binding = Schema::parse(binding).map_err(|why| format!("the binding's schema: {why}"))?;
    let of_library = Schema::parse(library).map_err(|why| format!("the library's schema: {why}"))?;
    let found = differences(&of_library, &of_binding);
    if found.is_empty() {
        return Ok(());
    }
    let mut message =
        String::from("the binding and the library do not understand each other; use those of one release:");
    for difference in found {
        let _ = write!(message, "\n  {difference}");
    }
    Err(message)
}

/// The lines of a text.
struct Schema<'a> {
    methods: BTreeMap<&'a str, Method<'a>>,
    types: BTreeMap<&'a str, Type<'a>>,
}

struct Method<'a> {
    line: &'a str,
    /// Names of the types that stand in the line.
    uses: Vec<&'a str>,
}

struct Type<'a> {
    /// `record`, `enum` or `error`.
    keyword: &'a str,
    members: Vec<Member<'a>>,
}

/// A field of a record, or a variant of an enum or error.
struct Member<'a> {
    name: &'a str,
    /// Type and default of a field.
    value: Option<(&'a str, Option<&'a str>)>,
    /// Fields of a variant.
    fields: Vec<Member<'a>>,
}

impl<'a> Schema<'a> {
    fn parse(text: &'a str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("it is empty; it is not one that idlc made".to_owned());
        }
        let mut schema = Schema { methods: BTreeMap::new(), types: BTreeMap::new() };
        for (number, line) in text.lines().enumerate() {
            if schema.line(line).is_none() {
                let quoted: String = line.chars().take(QUOTED).collect();
                return Err(format!(
                    "line {} is no method, record, enum or error: {quoted:?}; it is not one that idlc made",
                    number + 1
                ));
            }
        }
        Ok(schema)
    }

    fn line(&mut self, line: &'a str) -> Option<()> {
        let (keyword, rest) = line.split_once(' ')?;
        let fresh = match keyword {
            "method" => {
                let (name, method) = Method::parse(line, rest)?;
                self.methods.insert(name, method).is_none()
            }
            "record" | "enum" | "error" => {
                let (name, rest) = rest.split_once('{')?;
                let inside = rest.strip_suffix('}')?;
                let members = match keyword {
                    "record" => members(inside, Member::field)?,
                    _ => members(inside, Member::variant)?,
                };
                is_name(name).then(|| self.types.insert(name, Type { keyword, members }).is_none())?
            }
            _ => return None,
        };
        fresh.then_some(())
    }
}

impl<'a> Method<'a> {
    fn parse(line: &'a str, rest: &'a str) -> Option<(&'a str, Self)> {
        let (name, rest) = rest.split_once('(')?;
        let (interface, method) = name.split_once('.')?;
        if !is_name(interface) || !is_name(method) {
            return None;
        }
        let end = outside(rest, ')').next()?;
        let mut uses: Vec<&str> =
            members(&rest[..end], Member::field)?.iter().filter_map(|f| f.value).flat_map(|(t, _)| names(t)).collect();
        // The result, and the words after it: `->list<Tree> emits Progress throws Failure`.
        uses.extend(names(&rest[end + 1..]));
        Some((name, Method { line, uses }))
    }
}

impl<'a> Member<'a> {
    fn field(text: &'a str) -> Option<Self> {
        let (name, rest) = text.split_once(':')?;
        let (kind, default) = match rest.split_once('=') {
            Some((kind, default)) => (kind, Some(default)),
            None => (rest, None),
        };
        let sound = is_name(name) && !kind.is_empty() && !kind.contains(['{', '}', '(', ')', '"', ' ']);
        sound.then_some(Member { name, value: Some((kind, default)), fields: Vec::new() })
    }

    fn variant(text: &'a str) -> Option<Self> {
        let (name, fields) = match text.split_once('{') {
            Some((name, rest)) => (name, members(rest.strip_suffix('}')?, Member::field)?),
            None => (text, Vec::new()),
        };
        is_name(name).then_some(Member { name, value: None, fields })
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Every name in a type, or in what follows the arguments of a method.
fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|name| !name.is_empty())
}

/// Places of a character, where it stands outside of brackets and of texts.
fn outside(text: &str, wanted: char) -> impl Iterator<Item = usize> + '_ {
    let (mut depth, mut quoted, mut escaped, mut before) = (0usize, false, false, ' ');
    text.char_indices().filter_map(move |(at, c)| {
        let previous = std::mem::replace(&mut before, c);
        if quoted {
            quoted = escaped || c != '"';
            escaped = c == '\\' && !escaped;
            return None;
        }
        if depth == 0 && c == wanted {
            return Some(at);
        }
        match c {
            '"' => quoted = true,
            '<' | '{' | '(' => depth += 1,
            '>' if previous == '-' => {}
            '>' | '}' | ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        None
    })
}

/// Members that commas separate.
fn members<'a>(text: &'a str, read: fn(&'a str) -> Option<Member<'a>>) -> Option<Vec<Member<'a>>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    let mut list = Vec::new();
    let mut start = 0;
    for end in outside(text, ',').chain([text.len()]) {
        list.push(read(&text[start..end])?);
        start = end + 1;
    }
    Some(list)
}

fn differences(library: &Schema<'_>, binding: &Schema<'_>) -> Vec<String> {
    let mut found = Vec::new();
    let mut reached = BTreeSet::new();
    let mut open = Vec::new();
    let mut reach = |name, open: &mut Vec<_>| {
        let known = binding.types.contains_key(name) || library.types.contains_key(name);
        if known && reached.insert(name) {
            open.push(name);
        }
    };
    for (name, method) in &binding.methods {
        match library.methods.get(name) {
            None => found.push(format!("method {name} is missing in the library")),
            Some(same) if same.line == method.line => method.uses.iter().for_each(|name| reach(*name, &mut open)),
            Some(other) => found.push(format!(
                "method {name} differs: the library has `{}`, the binding `{}`",
                other.line, method.line
            )),
        }
    }
    let mut of_types = BTreeMap::new();
    while let Some(name) = open.pop() {
        match (library.types.get(name), binding.types.get(name)) {
            (Some(ours), Some(theirs)) => match common(ours, theirs) {
                Ok(uses) => uses.into_iter().for_each(|name| reach(name, &mut open)),
                Err(why) => {
                    of_types.insert(name, format!("{} {name} differs: {why}", theirs.keyword));
                }
            },
            (None, Some(theirs)) => {
                of_types.insert(name, format!("{} {name} is missing in the library", theirs.keyword));
            }
            (Some(ours), None) => {
                of_types.insert(name, format!("{} {name} is missing in the binding", ours.keyword));
            }
            (None, None) => {}
        }
    }
    found.extend(of_types.into_values());
    found
}

/// The types that the members which both have use; or how they differ.
fn common<'a>(library: &Type<'a>, binding: &Type<'a>) -> Result<Vec<&'a str>, String> {
    if library.keyword != binding.keyword {
        return Err(format!("the library has it as {}, the binding as {}", library.keyword, binding.keyword));
    }
    let what = if library.keyword == "record" { "field" } else { "variant" };
    let mut uses = Vec::new();
    begin_alike(what, "", &library.members, &binding.members, &mut uses)?;
    Ok(uses)
}

/// Checks that one of the lists is the beginning of the other.
fn begin_alike<'a>(
    what: &str,
    of: &str,
    library: &[Member<'a>],
    binding: &[Member<'a>],
    uses: &mut Vec<&'a str>,
) -> Result<(), String> {
    for (number, (ours, theirs)) in library.iter().zip(binding).enumerate() {
        if ours.name != theirs.name {
            return Err(format!(
                "{what} {}{of} is `{}` in the library and `{}` in the binding",
                number + 1,
                ours.name,
                theirs.name
            ));
        }
        let name = ours.name;
        if let (Some((our_type, our_default)), Some((their_type, their_default))) = (ours.value, theirs.value) {
            if our_type != their_type {
                return Err(format!(
                    "{what} `{name}`{of} is of type {our_type} in the library and {their_type} in the binding"
                ));
            }
            if our_default != their_default {
                let [ours, theirs] = [our_default, their_default].map(|default| match default {
                    Some(default) => format!("the default {default}"),
                    None => "no default".to_owned(),
                });
                return Err(format!("{what} `{name}`{of} has {ours} in the library and {theirs} in the binding"));
            }
            uses.extend(names(our_type));
        }
        begin_alike("field", &format!(" of variant `{name}`"), &ours.fields, &theirs.fields, uses)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = "\
method Listener.heard(what:Tree,at:timestamp)->u32 throws Failure callback
method Store.list(filter:optional<string>,deep:bool=true)->stream<Tree> emits Progress throws Failure
method Store.name(of:string=\"a,b){\\\"c\")->map<string,list<Shape>> immediate
method Store.open(at:path)->Store throws Failure constructor
enum Color{red,mixed{red:u8=1,green:u8}}
enum Shape{point,circle{radius:f64=1,color:Color}}
error Failure{lost{object:string,at:path},broken}
record Alone{x:u8}
record Progress{done:u64}
record Tree{value:u8=7,label:string=\"a,}\\\\\",children:list<Tree>,shape:Shape}
";

    fn told(from: &str, to: &str) -> String {
        assert!(TEXT.contains(from), "{from} is in the text");
        match compare(TEXT, TEXT.replace(from, to).as_bytes()) {
            Ok(()) => String::new(),
            Err(message) => {
                let (head, rest) = message.split_once('\n').expect("has lines");
                assert_eq!(head, "the binding and the library do not understand each other; use those of one release:");
                rest.trim_start().to_owned()
            }
        }
    }

    /// The binding's text is older in the first, and newer in the second.
    fn fits_both_ways(from: &str, to: &str) {
        assert_eq!(told(from, to), "");
        assert_eq!(compare(&TEXT.replace(from, to), TEXT.as_bytes()), Ok(()));
    }

    #[test]
    fn the_same_text_fits() {
        assert_eq!(compare(TEXT, TEXT.as_bytes()), Ok(()));
    }

    #[test]
    fn what_is_appended_does_no_harm() {
        fits_both_ways("record Progress{done:u64}", "record Progress{done:u64,total:u64=3}");
        fits_both_ways("at:path},broken}", "at:path},broken,new{x:u8}}");
        fits_both_ways("mixed{red:u8=1,green:u8}", "mixed{red:u8=1,green:u8,blue:u8}");
        fits_both_ways("{red,mixed{red:u8=1,green:u8}}", "{red}");
        fits_both_ways("error Failure{lost{object:string,at:path},broken}", "error Failure{lost{object:string}}");
        // With a type that only one of them has.
        fits_both_ways("record Progress{done:u64}", "record New{x:u8}\nrecord Progress{done:u64,new:New}");
    }

    #[test]
    fn what_only_the_library_has_does_no_harm() {
        let (first, rest) = TEXT.split_once('\n').expect("has lines");
        assert_eq!(compare(TEXT, rest.as_bytes()), Ok(()));
        let message = compare(rest, TEXT.as_bytes()).expect_err("is missing");
        assert!(message.ends_with("\n  method Listener.heard is missing in the library"), "{message} {first}");
        // A type that no method of the binding reaches.
        fits_both_ways("record Alone{x:u8}", "record Alone{x:string}");
        fits_both_ways("record Alone{x:u8}\n", "");
    }

    #[test]
    fn a_method_is_the_same_line() {
        assert_eq!(
            told("Store.open(at:path)", "Store.open(at:string)"),
            "method Store.open differs: the library has `method Store.open(at:path)->Store throws Failure constructor`, \
             the binding `method Store.open(at:string)->Store throws Failure constructor`"
        );
        assert!(told("deep:bool=true", "deep:bool").starts_with("method Store.list differs: "));
        assert!(told("deep:bool=true", "deep:bool=true,more:u8").starts_with("method Store.list differs: "));
        assert!(told(" emits Progress", "").starts_with("method Store.list differs: "));
        assert!(told(" immediate", "").starts_with("method Store.name differs: "));
        assert_eq!(told("Store.open", "Store.unlock"), "method Store.unlock is missing in the library");
    }

    #[test]
    fn differences_of_types_are_named() {
        assert_eq!(
            told("value:u8=7", "value:u16=7"),
            "record Tree differs: field `value` is of type u8 in the library and u16 in the binding"
        );
        assert_eq!(
            told("value:u8=7", "value:u8"),
            "record Tree differs: field `value` has the default 7 in the library and no default in the binding"
        );
        assert_eq!(
            told("value:u8=7", "other:u8=7"),
            "record Tree differs: field 1 is `value` in the library and `other` in the binding"
        );
        assert_eq!(
            told("lost{object:string,at:path},broken", "broken,lost{object:string,at:path}"),
            "error Failure differs: variant 1 is `lost` in the library and `broken` in the binding"
        );
        assert_eq!(
            told("object:string,at:path", "at:path,object:string"),
            "error Failure differs: field 1 of variant `lost` is `object` in the library and `at` in the binding"
        );
        assert_eq!(
            told("record Progress{done:u64}", "enum Progress{done}"),
            "record Progress differs: the library has it as record, the binding as enum".replacen("record", "enum", 1)
        );
        assert_eq!(told("record Progress{done:u64}\n", ""), "record Progress is missing in the binding");
    }

    #[test]
    fn types_are_reached_through_others() {
        // A map of lists of an enum, of which a variant has another enum.
        assert_eq!(
            told("green:u8", "green:u16"),
            "enum Color differs: field `green` of variant `mixed` is of type u8 in the library and u16 in the binding"
        );
        let only_name = "method Store.name(of:string=\"a,b){\\\"c\")->map<string,list<Shape>> immediate\n";
        let types = TEXT.split_once("enum").expect("has enums").1.replace("green:u8", "green:u16");
        let message = compare(TEXT, format!("{only_name}enum{types}").as_bytes()).expect_err("differs");
        assert!(message.contains("enum Color differs"), "{message}");
        assert_eq!(message.lines().count(), 2);
    }

    #[test]
    fn everything_is_named_at_once() {
        let binding =
            TEXT.replace("Store.open", "Store.unlock").replace("done:u64", "done:i64").replace("{red,", "{blue,");
        let message = compare(TEXT, binding.as_bytes()).expect_err("differs");
        let lines: Vec<&str> = message.lines().skip(1).collect();
        assert_eq!(
            lines,
            [
                "  method Store.unlock is missing in the library",
                "  enum Color differs: variant 1 is `red` in the library and `blue` in the binding",
                "  record Progress differs: field `done` is of type u64 in the library and i64 in the binding",
            ]
        );
    }

    #[test]
    fn junk_is_refused_in_words() {
        for (junk, why) in [
            (&b"\xff\xfe"[..], "the binding's schema is not UTF-8; it is not one that idlc made"),
            (b"", "the binding's schema: it is empty; it is not one that idlc made"),
            (
                b"hello",
                "the binding's schema: line 1 is no method, record, enum or error: \"hello\"; it is not one that idlc made",
            ),
        ] {
            assert_eq!(compare(TEXT, junk), Err(why.to_owned()));
        }
        for line in [
            "method",
            "method ",
            "method x()",
            "method A.b",
            "method A.b(",
            "method A.b(x)",
            "method A.b(x:)",
            "method .b()",
            "record A",
            "record A{",
            "record A{x}",
            "record A{x:u8",
            "record {x:u8}",
            "record A{x:u8,}",
            "record A{x:\"}",
            "enum A{x{}",
            "enum A{x{y}}",
            "enum A{,}",
            "type A=u8",
            "record A{x:u8}\nrecord A{x:u8}",
            "\n",
        ] {
            let message = compare(TEXT, line.as_bytes()).expect_err(line);
            assert!(message.contains(" is no method, record, enum or error: "), "{line}: {message}");
        }
        let long = compare(TEXT, "x".repeat(1 << 20).as_bytes()).expect_err("is no line");
        assert!(long.len() < 300);
    }

    proptest! {
        #[test]
        fn any_bytes_are_compared_or_refused(junk in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = compare(TEXT, &junk);
        }

        /// Texts that are nearly right: with parts cut out, doubled and swapped.
        #[test]
        fn spoilt_texts_are_compared_or_refused(
            edits in proptest::collection::vec((0usize..TEXT.len(), 0usize..40, 0u8..4, any::<char>()), 1..6)
        ) {
            let mut text: Vec<char> = TEXT.chars().collect();
            for (at, length, how, c) in edits {
                let at = at.min(text.len());
                let end = (at + length).min(text.len());
                match how {
                    0 => { text.drain(at..end); }
                    1 => { let part = text[at..end].to_vec(); text.splice(at..at, part); }
                    2 => text.insert(at, c),
                    _ => text.insert(at, ['{', '}', '"', '<', '>', ',', ':', '(', ')', '\\', '\n', '=', '.'][length % 13]),
                }
            }
            let text: String = text.into_iter().collect();
            if let Err(message) = compare(TEXT, text.as_bytes()) {
                prop_assert!(!message.is_empty());
            }
            let _ = compare(&text, TEXT.as_bytes());
        }
    }
}
