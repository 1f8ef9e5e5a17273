//! The documents of a YAML stream as trees of values with places, within bounds.
//!
//! A document that breaks off is reported and skipped; the next `---` starts afresh. Aliases and
//! merge keys are resolved here, duplicate keys noticed.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use serde_saphyr::granit_parser::{
    Event, Marker, Parser, ScalarStyle, Span, StrInput, Tag, options,
};

use crate::diagnostic::Reason;
use crate::limits::{DEPTH_MAX, OBJECT_BYTES_MAX, VALUES_MAX};
use crate::manifest::scalar::{self, Plain};
use crate::path::{FieldPath, Segment};

/// Line and column, from one.
pub(super) type Place = (u32, u32);

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Node<'t> {
    pub(super) place: Place,
    pub(super) value: Value<'t>,
}

#[derive(Clone, Debug)]
pub(super) enum Value<'t> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    String(Cow<'t, str>),
    Sequence(Vec<Node<'t>>),
    Mapping(Vec<Entry<'t>>),
}

/// A key with its value. A misspelt field is reported where the key stands.
#[derive(Clone, Debug)]
pub(super) struct Entry<'t> {
    pub(super) place: Place,
    pub(super) key: Cow<'t, str>,
    pub(super) node: Node<'t>,
}

/// A document of a stream.
#[derive(Debug)]
pub(super) struct Document<'t> {
    pub(super) root: Node<'t>,
    /// Whether some mapping has a key twice.
    pub(super) duplicates: bool,
}

/// Why a document has no tree.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) place: Place,
    pub(super) reason: Reason,
    pub(super) message: String,
}

impl<'t> Node<'t> {
    /// The value of a key, if this is a mapping that has it.
    pub(super) fn get(&self, key: &str) -> Option<&Node<'t>> {
        self.entry(key).map(|entry| &entry.node)
    }

    fn entry(&self, key: &str) -> Option<&Entry<'t>> {
        match &self.value {
            Value::Mapping(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }

    /// Where a field stands, or the nearest thing around it that is there.
    pub(super) fn locate(&self, field: &FieldPath) -> Place {
        let (mut node, mut place) = (self, self.place);
        for segment in &field.0 {
            let next = match (segment, &node.value) {
                (Segment::Key(key), _) => node.entry(key).map(|entry| (entry.place, &entry.node)),
                (Segment::Index(index), Value::Sequence(items)) => {
                    items.get(*index).map(|item| (item.place, item))
                }
                (Segment::Index(_), _) => None,
            };
            match next {
                Some(next) => (place, node) = next,
                None => break,
            }
        }
        place
    }
}

/// The documents of a stream, one by one. One that breaks off comes with what there is of its
/// root, so that it can be named.
pub(super) fn documents(
    text: &str,
) -> impl Iterator<Item = Result<Document<'_>, (Broken, Option<Node<'_>>)>> {
    let options = options! {
        emit_comments: false,
        flow_nesting_limit: DEPTH_MAX,
        block_nesting_limit: DEPTH_MAX,
    };
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut done = false;
    std::iter::from_fn(move || {
        if done {
            return None;
        }
        let mut builder = Builder::default();
        match builder.document(&mut parser) {
            Ok(root) => {
                done = root.is_none();
                root.map(|root| Ok(Document { root, duplicates: builder.duplicates }))
            }
            Err(error) => {
                // Nothing is lost when this fails: the stream is then at its end.
                done = !parser.proceed_next_document().unwrap_or(false);
                Some(Err((error, builder.remains())))
            }
        }
    })
}

/// Builds the tree of one document.
#[derive(Default)]
struct Builder<'t> {
    open: Vec<Open<'t>>,
    anchors: HashMap<usize, (Node<'t>, Size)>,
    values: usize,
    start: usize,
    duplicates: bool,
}

/// How many values a tree holds, and how deep they are nested.
#[derive(Clone, Copy)]
struct Size {
    values: usize,
    depth: usize,
}

/// A list or a mapping whose end has not come yet.
struct Open<'t> {
    place: Place,
    anchor: usize,
    /// What it holds so far.
    size: Size,
    content: Content<'t>,
}

enum Content<'t> {
    Sequence(Vec<Node<'t>>),
    Mapping { entries: Vec<Entry<'t>>, key: Option<(Place, Cow<'t, str>)>, merges: Vec<Node<'t>> },
}

type Source<'t> = Parser<'t, StrInput<'t>>;

impl<'t> Builder<'t> {
    /// The next document; none at the end of the stream.
    fn document(&mut self, parser: &mut Source<'t>) -> Result<Option<Node<'t>>, Broken> {
        let mut root = None;
        loop {
            let Some(event) = parser.next_event() else { return Ok(None) };
            let (event, span) = event.map_err(|error| {
                let place = place(error.marker());
                Broken { place, reason: Reason::Syntax, message: error.kind().to_string() }
            })?;
            match event {
                Event::StreamEnd => return Ok(None),
                Event::DocumentStart(..) => self.start = offset(&span),
                Event::DocumentEnd => {
                    self.bounded(&span)?;
                    return Ok(root);
                }
                event => {
                    if let Some(node) = self.event(event, &span)? {
                        root = Some(node);
                    }
                }
            }
        }
    }

    /// The members that the root has so far, the unfinished one under it included.
    fn remains(self) -> Option<Node<'t>> {
        let mut remains: Option<Node<'t>> = None;
        for open in self.open.into_iter().take(2).rev() {
            let Content::Mapping { mut entries, key, .. } = open.content else { continue };
            if let (Some((place, key)), Some(node)) = (key, remains.take()) {
                entries.push(Entry { place, key, node });
            }
            remains = Some(Node { place: open.place, value: Value::Mapping(entries) });
        }
        remains
    }

    /// Takes one event; gives the root when it is complete.
    fn event(&mut self, event: Event<'t>, span: &Span) -> Result<Option<Node<'t>>, Broken> {
        let place = place(&span.start);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.count(1, span)?;
                let value = scalar_value(text, style, tag.as_deref(), place)?;
                self.finish(Node { place, value }, anchor, ONE, span)
            }
            Event::SequenceStart(_, anchor, _) => {
                self.open(place, anchor, Content::Sequence(Vec::new()), span)
            }
            Event::MappingStart(_, anchor, _) => {
                let (entries, merges) = (Vec::new(), Vec::new());
                self.open(place, anchor, Content::Mapping { entries, key: None, merges }, span)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(open) = self.open.pop() else { return Ok(None) };
                let value = match open.content {
                    Content::Sequence(items) => Value::Sequence(items),
                    Content::Mapping { entries, merges, .. } => {
                        self.duplicates |= duplicate(&entries).is_some();
                        Value::Mapping(merged(entries, merges)?)
                    }
                };
                self.finish(Node { place: open.place, value }, open.anchor, open.size, span)
            }
            Event::Alias(anchor) => {
                let Some((node, size)) = self.anchors.get(&anchor).cloned() else {
                    let message = "an alias inside its own anchor".to_string();
                    return Err(Broken { place, reason: Reason::Syntax, message });
                };
                self.count(size.values, span)?;
                self.finish(node, 0, size, span)
            }
            _ => Ok(None),
        }
    }

    fn open(
        &mut self,
        place: Place,
        anchor: usize,
        content: Content<'t>,
        span: &Span,
    ) -> Result<Option<Node<'t>>, Broken> {
        self.count(1, span)?;
        self.open.push(Open { place, anchor, size: ONE, content });
        Ok(None)
    }

    /// Puts a complete value where it belongs; gives it back if it is the root.
    fn finish(
        &mut self,
        node: Node<'t>,
        anchor: usize,
        size: Size,
        span: &Span,
    ) -> Result<Option<Node<'t>>, Broken> {
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), size));
        }
        let above = self.open.len();
        let Some(open) = self.open.last_mut() else { return Ok(Some(node)) };
        open.size.values += size.values;
        open.size.depth = open.size.depth.max(size.depth + 1);
        // The parser bounds what is written; an alias can bring in more.
        if above + size.depth > 2 * DEPTH_MAX {
            let message = format!("values are nested more than {} deep", 2 * DEPTH_MAX);
            return Err(Broken { place: place(&span.start), reason: Reason::TooLarge, message });
        }
        match &mut open.content {
            Content::Sequence(items) => items.push(node),
            Content::Mapping { entries, key, merges } => match key.take() {
                None => *key = Some((node.place, key_text(node)?)),
                Some((_, key)) if key == MERGE_KEY => merges.push(node),
                Some((place, key)) => entries.push(Entry { place, key, node }),
            },
        }
        Ok(None)
    }

    /// Aliases can make a small file an enormous tree; this bounds the tree.
    fn count(&mut self, values: usize, span: &Span) -> Result<(), Broken> {
        self.values += values;
        if self.values > VALUES_MAX {
            let message = format!("the document has more than {VALUES_MAX} values");
            return Err(Broken { place: place(&span.start), reason: Reason::TooLarge, message });
        }
        self.bounded(span)
    }

    fn bounded(&self, span: &Span) -> Result<(), Broken> {
        if offset(span) - self.start > OBJECT_BYTES_MAX {
            let message = format!("the document has more than {OBJECT_BYTES_MAX} bytes");
            return Err(Broken { place: place(&span.start), reason: Reason::TooLarge, message });
        }
        Ok(())
    }
}

/// Adds what merge keys bring to a mapping's own entries, which win.
fn merged<'t>(
    mut entries: Vec<Entry<'t>>,
    merges: Vec<Node<'t>>,
) -> Result<Vec<Entry<'t>>, Broken> {
    for node in merges {
        let mappings = match node.value {
            Value::Sequence(items) => items,
            value => vec![Node { place: node.place, value }],
        };
        for mapping in mappings {
            let Value::Mapping(more) = mapping.value else {
                let message = "a merge key needs a mapping or a list of mappings".to_string();
                return Err(Broken { place: node.place, reason: Reason::Syntax, message });
            };
            for entry in more {
                if !entries.iter().any(|known| known.key == entry.key) {
                    entries.push(entry);
                }
            }
        }
    }
    Ok(entries)
}

/// The first entry whose key came before. Small mappings are the rule; they need no set.
pub(super) fn duplicate<'a, 't>(entries: &'a [Entry<'t>]) -> Option<&'a Entry<'t>> {
    if entries.len() <= SMALL {
        let mut places = entries.iter().enumerate();
        return places
            .find(|(place, entry)| entries[..*place].iter().any(|known| known.key == entry.key))
            .map(|(_, entry)| entry);
    }
    let mut seen = HashSet::with_capacity(entries.len());
    entries.iter().find(|entry| !seen.insert(&*entry.key))
}

/// A key as JSON has it: always a string.
fn key_text(node: Node<'_>) -> Result<Cow<'_, str>, Broken> {
    Ok(match node.value {
        Value::String(text) => text,
        Value::Bool(value) => value.to_string().into(),
        Value::Int(value) => value.to_string().into(),
        Value::Float(value) => value.to_string().into(),
        Value::Null | Value::Sequence(_) | Value::Mapping(_) => {
            let message = "a key must be a string".to_string();
            return Err(Broken { place: node.place, reason: Reason::Syntax, message });
        }
    })
}

fn scalar_value<'t>(
    text: Cow<'t, str>,
    style: ScalarStyle,
    tag: Option<&Tag>,
    place: Place,
) -> Result<Value<'t>, Broken> {
    let kind = tag.map(|tag| tag.core_suffix().unwrap_or(tag.suffix()));
    match kind {
        None if style != ScalarStyle::Plain => return Ok(Value::String(text)),
        Some("str" | "") => return Ok(Value::String(text)),
        None | Some("bool" | "int" | "float" | "null") => {}
        Some(other) => {
            let message = format!("the tag {other:?} means nothing in a manifest");
            return Err(Broken { place, reason: Reason::Syntax, message });
        }
    }
    let value = match scalar::plain(&text) {
        Plain::Null => Value::Null,
        Plain::Bool(value) => Value::Bool(value),
        Plain::Int(value) => Value::Int(value),
        Plain::Float(value) => Value::Float(value),
        Plain::Text => Value::String(text),
    };
    let fits = match kind {
        Some("bool") => matches!(value, Value::Bool(_)),
        Some("int") => matches!(value, Value::Int(_)),
        Some("float") => matches!(value, Value::Float(_) | Value::Int(_)),
        Some("null") => matches!(value, Value::Null),
        _ => true,
    };
    if !fits {
        let message = "the value does not fit its tag".to_string();
        return Err(Broken { place, reason: Reason::Syntax, message });
    }
    Ok(value)
}

fn place(marker: &Marker) -> Place {
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    (number(marker.line()), number(marker.col() + 1))
}

fn offset(span: &Span) -> usize {
    span.start.byte_offset().unwrap_or_default()
}

const ONE: Size = Size { values: 1, depth: 1 };
const MERGE_KEY: &str = "<<";
const SMALL: usize = 16;
