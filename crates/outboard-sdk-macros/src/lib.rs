//! Derive macros of the [Outboard SDK](https://docs.rs/outboard-sdk). Use them from there:
//! what they generate names its items.

mod attribute;
mod choice;
mod fields;

use proc_macro::TokenStream;

/// Makes a struct the settings of a connector or the input of an operation.
///
/// Each field of the struct becomes a field that people fill in. Its key is the field's
/// name, its description the doc comment, and its widget follows from the type: a checkbox
/// for `bool`, a number for integers and floats, a dropdown for an enum that derives
/// [`Choice`], a secret for `Secret`, a list for `Vec<BTreeMap<String, String>>`, else a
/// line of text. `Option` is for what may be left empty.
///
/// ```
/// use outboard_sdk::connector::{Fields, Secret};
///
/// #[derive(Fields)]
/// #[fields(strict)]
/// struct Settings {
///     /// Where the service is.
///     #[field(url, required, default = "https://api.example.com")]
///     base_url: String,
///     #[field(required, group = "Access")]
///     api_key: Secret,
///     #[field(dropdown = "eu|us::America", default = "eu")]
///     region: String,
///     #[field(visible_when = "region:us")]
///     state: Option<String>,
/// }
///
/// assert_eq!(Settings::fields()[0].widget, "url");
/// ```
///
/// # Words of `#[field(…)]`
///
/// | word | meaning |
/// |---|---|
/// | `text`, `textarea`, `email`, `url`, `color`, `date`, `datetime`, `number`, `checkbox` | the widget |
/// | `dropdown = "a\|b::Label"` | one of these |
/// | `kvlist = "name\|value"` | rows of these columns |
/// | `picker = "source"` | chosen from this source of the host |
/// | `secret` | a secret: encrypted, masked, never shown |
/// | `required`, `locked`, `hidden`, `regen` | must have a value; may not be changed; is not shown; a new value can be generated |
/// | `default = …` | what it holds until someone changes it: a text, number or `true`/`false` |
/// | `desc = "…"`, `key = "…"` | in place of the doc comment and of the name |
/// | `visible_when = "field:value"` | shown only while another field of the struct has this value |
/// | `group = "…"` | the heading under which it stands |
/// | `mode = "fixed"`, `mode = "expression"` | always literal; always an expression of the host |
/// | `col_options(column = "a::First\|b")` | what a column of a `kvlist` offers |
/// | `env_override = "VARIABLE"` | the host's environment variable whose value wins |
///
/// Anything else does not compile, nor does what contradicts itself: two widgets, a default
/// that the type or the choices do not have, a default of a secret, a key twice.
///
/// # Reading
///
/// The wire carries texts, and callers may leave fields out. By default they are read as
/// the original does: what is absent, or no number, is zero, `false` or empty, whatever
/// the default and `required` say, since hosts have seen to those. With `#[fields(strict)]`
/// on the struct, an absent field has its default, and one that is required or unreadable
/// fails the call with the code `bad_args` and a text that names the field.
///
/// The struct also brings the version of its package, which becomes the connector's.
#[proc_macro_derive(Fields, attributes(field, fields))]
pub fn derive_fields(input: TokenStream) -> TokenStream {
    expand(input, fields::expand)
}

/// Makes an enum without data a field's value: a dropdown of its variants.
///
/// A variant's text is its name in snake case, or what `#[choice(value = "…")]` says;
/// `#[choice(label = "…")]` is what people see. What stands for an absent value is the
/// enum's `Default`, so derive that too. Text that is no variant fails the call, also
/// where numbers are read leniently.
///
/// ```
/// use outboard_sdk::connector::{Choice, FieldValue as _};
///
/// #[derive(Choice, Default, Clone, Copy)]
/// enum Region {
///     #[default]
///     #[choice(label = "Europe")]
///     Eu,
///     #[choice(value = "us-east")]
///     UsEast,
/// }
///
/// assert_eq!(Region::options(), "eu::Europe|us-east");
/// ```
#[proc_macro_derive(Choice, attributes(choice))]
pub fn derive_choice(input: TokenStream) -> TokenStream {
    expand(input, choice::expand)
}

fn expand(
    input: TokenStream,
    expand: fn(&syn::DeriveInput) -> syn::Result<proc_macro2::TokenStream>,
) -> TokenStream {
    let input = syn::parse_macro_input!(input as syn::DeriveInput);
    expand(&input)
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
