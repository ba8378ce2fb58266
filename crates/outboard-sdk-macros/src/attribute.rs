//! What stands in `#[field(…)]`.

use proc_macro2::Span;
use syn::{
    Attribute, Error, Expr, ExprLit, ExprUnary, Ident, Lit, LitStr, Meta, Result, UnOp,
    ext::IdentExt as _, meta::ParseNestedMeta, spanned::Spanned as _,
};

/// The words that are a widget by themselves.
const WIDGETS: [(&str, &str); 11] = [
    ("text", "Text"),
    ("textarea", "Textarea"),
    ("email", "Email"),
    ("url", "Url"),
    ("color", "Color"),
    ("date", "Date"),
    ("datetime", "DateTime"),
    ("number", "Number"),
    ("checkbox", "Checkbox"),
    ("bool", "Checkbox"),
    ("boolean", "Checkbox"),
];

/// The widgets that need something.
const WIDGETS_WITH_OPTIONS: [(&str, &str); 3] = [
    ("dropdown", "Dropdown"),
    ("kvlist", "KeyValueList"),
    ("picker", "Picker"),
];

const OTHERS: [&str; 13] = [
    "secret",
    "required",
    "locked",
    "hidden",
    "regen",
    "default",
    "desc",
    "key",
    "visible_when",
    "group",
    "mode",
    "col_options",
    "env_override",
];

/// One field's attributes, as they were written.
#[derive(Default)]
pub(crate) struct Attributes {
    pub(crate) widget: Option<(Ident, &'static str)>,
    pub(crate) options: Option<LitStr>,
    pub(crate) secret: bool,
    pub(crate) required: bool,
    pub(crate) locked: bool,
    pub(crate) hidden: bool,
    pub(crate) regen: bool,
    pub(crate) default: Option<Initial>,
    pub(crate) description: Option<LitStr>,
    pub(crate) key: Option<LitStr>,
    pub(crate) visible_when: Option<LitStr>,
    pub(crate) group: Option<LitStr>,
    pub(crate) mode: Option<LitStr>,
    pub(crate) column_options: Vec<(String, LitStr)>,
    pub(crate) env_override: Option<LitStr>,
}

/// A default as text, and what kind of literal it was.
pub(crate) struct Initial {
    pub(crate) text: String,
    pub(crate) kind: InitialKind,
    pub(crate) span: Span,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum InitialKind {
    Text,
    Integer,
    Float,
    Bool,
}

impl Attributes {
    pub(crate) fn read(attributes: &[Attribute]) -> Result<Attributes> {
        let mut read = Attributes::default();
        let mut seen: Vec<String> = Vec::new();
        for attribute in attributes
            .iter()
            .filter(|attribute| attribute.path().is_ident("field"))
        {
            attribute.parse_nested_meta(|meta| {
                let word = meta.path.get_ident().map(|word| word.unraw().to_string());
                let word = word.unwrap_or_default();
                if seen.contains(&word) {
                    return Err(meta.error(format!("{word} is there twice")));
                }
                read.word(&word, &meta)?;
                seen.push(word);
                Ok(())
            })?;
        }
        Ok(read)
    }

    fn word(&mut self, word: &str, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let find = |all: &[(&str, &'static str)]| {
            all.iter()
                .find(|(one, _)| *one == word)
                .map(|(_, variant)| *variant)
        };
        if let Some(variant) = find(&WIDGETS) {
            return self.set_widget(meta, variant);
        }
        if let Some(variant) = find(&WIDGETS_WITH_OPTIONS) {
            self.options = Some(text(meta)?);
            return self.set_widget(meta, variant);
        }
        match word {
            "secret" => self.secret = true,
            "required" => self.required = true,
            "locked" => self.locked = true,
            "hidden" => self.hidden = true,
            "regen" => self.regen = true,
            "default" => self.default = Some(default(meta)?),
            "desc" => self.description = Some(text(meta)?),
            "key" => self.key = Some(text(meta)?),
            "visible_when" => self.visible_when = Some(text(meta)?),
            "group" => self.group = Some(text(meta)?),
            "mode" => {
                let mode = text(meta)?;
                if !matches!(mode.value().as_str(), "fixed" | "expression") {
                    return Err(Error::new(
                        mode.span(),
                        "the mode is \"fixed\" or \"expression\"",
                    ));
                }
                self.mode = Some(mode);
            }
            "col_options" => meta.parse_nested_meta(|column| {
                let name = column.path.require_ident()?.unraw().to_string();
                self.column_options.push((name, text(&column)?));
                Ok(())
            })?,
            "env_override" => self.env_override = Some(text(meta)?),
            _ => return Err(meta.error(unknown(word))),
        }
        Ok(())
    }

    fn set_widget(&mut self, meta: &ParseNestedMeta<'_>, variant: &'static str) -> Result<()> {
        let word = meta.path.require_ident()?.clone();
        if let Some((first, _)) = &self.widget {
            return Err(meta.error(format!(
                "a field has one widget, and {first} is there already"
            )));
        }
        self.widget = Some((word, variant));
        Ok(())
    }
}

fn unknown(word: &str) -> String {
    let all = WIDGETS
        .iter()
        .chain(&WIDGETS_WITH_OPTIONS)
        .map(|(word, _)| *word);
    let all: Vec<&str> = all.chain(OTHERS).collect();
    format!("there is no word {word:?}; there are {}", all.join(", "))
}

/// The text after `=`.
pub(crate) fn text(meta: &ParseNestedMeta<'_>) -> Result<LitStr> {
    meta.value()?.parse()
}

fn default(meta: &ParseNestedMeta<'_>) -> Result<Initial> {
    let value: Expr = meta.value()?.parse()?;
    let span = value.span();
    let made = |text: String, kind| Ok(Initial { text, kind, span });
    let (sign, literal) = match &value {
        Expr::Lit(ExprLit { lit, .. }) => ("", lit),
        Expr::Unary(ExprUnary {
            op: UnOp::Neg(_),
            expr,
            ..
        }) => match &**expr {
            Expr::Lit(ExprLit {
                lit: lit @ (Lit::Int(_) | Lit::Float(_)),
                ..
            }) => ("-", lit),
            _ => return Err(Error::new(span, NO_DEFAULT)),
        },
        _ => return Err(Error::new(span, NO_DEFAULT)),
    };
    match literal {
        Lit::Str(text) => made(text.value(), InitialKind::Text),
        Lit::Int(number) => made(
            format!("{sign}{}", number.base10_digits()),
            InitialKind::Integer,
        ),
        Lit::Float(number) => made(
            format!("{sign}{}", number.base10_digits()),
            InitialKind::Float,
        ),
        Lit::Bool(flag) => made(flag.value.to_string(), InitialKind::Bool),
        _ => Err(Error::new(span, NO_DEFAULT)),
    }
}

const NO_DEFAULT: &str = "the default is a text, a number, true or false";

/// The doc comment, as one paragraph: lines are joined, empty ones become line feeds.
pub(crate) fn doc_comment(attributes: &[Attribute]) -> String {
    let lines = attributes
        .iter()
        .filter_map(|attribute| match &attribute.meta {
            Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
                Expr::Lit(ExprLit {
                    lit: Lit::Str(text),
                    ..
                }) => Some(text.value()),
                _ => None,
            },
            _ => None,
        });
    let mut comment = String::new();
    for line in lines {
        let line = line.trim();
        if line.is_empty() {
            if !comment.is_empty() && !comment.ends_with('\n') {
                comment.push('\n');
            }
        } else {
            if !comment.is_empty() && !comment.ends_with('\n') {
                comment.push(' ');
            }
            comment.push_str(line);
        }
    }
    comment.trim_end().to_owned()
}
