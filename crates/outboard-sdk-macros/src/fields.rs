//! `derive(Fields)`.

use std::collections::BTreeMap;

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{
    Data, DeriveInput, Error, GenericArgument, Ident, PathArguments, Result, Type,
    ext::IdentExt as _,
};

use crate::attribute::{Attributes, InitialKind, doc_comment};

struct Field<'a> {
    name: &'a Ident,
    r#type: &'a Type,
    key: String,
    description: String,
    attributes: Attributes,
}

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Struct(data) = &input.data else {
        return Err(Error::new_spanned(
            &input.ident,
            "Fields is for structs with named fields",
        ));
    };
    if !input.generics.params.is_empty() {
        return Err(Error::new_spanned(
            &input.generics,
            "Fields is for structs without parameters",
        ));
    }
    let strict = is_strict(input)?;
    let mut fields = Vec::new();
    for field in &data.fields {
        let Some(name) = &field.ident else {
            return Err(Error::new_spanned(
                field,
                "Fields is for structs with named fields",
            ));
        };
        let attributes = Attributes::read(&field.attrs)?;
        let key = match &attributes.key {
            Some(key) if key.value().trim().is_empty() => {
                return Err(Error::new(key.span(), "the key is empty"));
            }
            Some(key) => key.value(),
            None => name.unraw().to_string(),
        };
        let description = match &attributes.description {
            Some(description) => description.value(),
            None => doc_comment(&field.attrs),
        };
        fields.push(Field {
            name,
            r#type: &field.ty,
            key,
            description,
            attributes,
        });
    }
    check(&fields)?;
    let connector = quote!(::outboard_sdk::connector);
    let described = fields.iter().map(|field| describe(field, &connector));
    let read = fields.iter().map(
        |Field {
             name, r#type, key, ..
         }| { quote!(#name: reader.get::<#r#type>(#key)?,) },
    );
    let reader = if strict {
        quote! {
            static FIELDS: ::std::sync::OnceLock<::std::vec::Vec<#connector::Config>> =
                ::std::sync::OnceLock::new();
            let fields = FIELDS.get_or_init(<Self as #connector::Fields>::fields);
            let reader = #connector::Reader::strict(arguments, fields);
        }
    } else {
        quote!(let reader = #connector::Reader::lenient(arguments);)
    };
    let name = &input.ident;
    Ok(quote! {
        #[automatically_derived]
        impl #connector::Fields for #name {
            fn fields() -> ::std::vec::Vec<#connector::Config> {
                ::std::vec![#(#described),*]
            }

            fn from_arguments(
                arguments: &#connector::Arguments,
            ) -> ::std::result::Result<Self, #connector::FieldError> {
                #reader
                let _ = &reader;
                ::std::result::Result::Ok(Self { #(#read)* })
            }

            fn package_version() -> ::std::option::Option<&'static str> {
                ::std::option_env!("CARGO_PKG_VERSION")
            }
        }
    })
}

fn is_strict(input: &DeriveInput) -> Result<bool> {
    let mut strict = false;
    for attribute in input
        .attrs
        .iter()
        .filter(|attribute| attribute.path().is_ident("fields"))
    {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("strict") {
                strict = true;
                return Ok(());
            }
            Err(meta.error("the one word that there is is strict"))
        })?;
    }
    Ok(strict)
}

fn describe(field: &Field<'_>, connector: &TokenStream) -> TokenStream {
    let Field {
        r#type,
        key,
        description,
        attributes,
        ..
    } = field;
    let mut calls = Vec::new();
    if !description.is_empty() {
        calls.push(quote!(.description(#description)));
    }
    if let Some((_, variant)) = &attributes.widget {
        let variant = Ident::new(variant, Span::call_site());
        calls.push(quote!(.widget(#connector::Widget::#variant)));
    }
    let mut text = |method: &str, text: Option<String>| {
        if let Some(text) = text {
            let method = Ident::new(method, Span::call_site());
            calls.push(quote!(.#method(#text)));
        }
    };
    text(
        "options",
        attributes.options.as_ref().map(syn::LitStr::value),
    );
    text(
        "default",
        attributes
            .default
            .as_ref()
            .map(|default| default.text.clone()),
    );
    text("group", attributes.group.as_ref().map(syn::LitStr::value));
    text("mode", attributes.mode.as_ref().map(syn::LitStr::value));
    text(
        "env_override",
        attributes.env_override.as_ref().map(syn::LitStr::value),
    );
    for (set, method) in [
        (attributes.secret, "secret"),
        (attributes.required, "required"),
        (attributes.locked, "locked"),
        (attributes.hidden, "hidden"),
        (attributes.regen, "regenerable"),
    ] {
        if set {
            let method = Ident::new(method, Span::call_site());
            calls.push(quote!(.#method()));
        }
    }
    if let Some(when) = &attributes.visible_when {
        let when = when.value();
        let (other, value) = when.split_once(':').unwrap_or_default();
        calls.push(quote!(.visible_when(#other, #value)));
    }
    for (column, options) in &attributes.column_options {
        calls.push(quote!(.column_options(#column, #options)));
    }
    quote! {
        ::std::convert::Into::<#connector::Config>::into(
            #connector::Field::of::<#r#type>(#key) #(#calls)*
        )
    }
}

/// What one field alone, or one beside the others, cannot be.
fn check(fields: &[Field<'_>]) -> Result<()> {
    let mut keys = BTreeMap::new();
    for field in fields {
        if keys.insert(field.key.as_str(), ()).is_some() {
            return Err(Error::new_spanned(
                field.name,
                format!("the key {:?} is there twice", field.key),
            ));
        }
    }
    for field in fields {
        let Field {
            attributes, name, ..
        } = field;
        if let Some(when) = &attributes.visible_when {
            let text = when.value();
            match text.split_once(':') {
                None => {
                    return Err(Error::new(
                        when.span(),
                        "write visible_when = \"field:value\"",
                    ));
                }
                Some((other, _)) if !keys.contains_key(other) || other == field.key => {
                    let text = format!("there is no other field {other:?}");
                    return Err(Error::new(when.span(), text));
                }
                Some(_) => {}
            }
        }
        if attributes.required && is_named(field.r#type, "Option") {
            return Err(Error::new_spanned(name, "what is required is no Option"));
        }
        let is_list = attributes
            .widget
            .as_ref()
            .is_some_and(|(_, variant)| *variant == "KeyValueList");
        if !attributes.column_options.is_empty() && !is_list {
            return Err(Error::new_spanned(name, "col_options are for a kvlist"));
        }
        check_default(field)?;
    }
    Ok(())
}

fn check_default(field: &Field<'_>) -> Result<()> {
    let Some(default) = &field.attributes.default else {
        return Ok(());
    };
    let refuse = |text: String| Err(Error::new(default.span, text));
    let inner = option_of(field.r#type).unwrap_or(field.r#type);
    if field.attributes.secret || is_named(inner, "Secret") {
        return refuse("the default of a secret would be published with the connector".to_owned());
    }
    let wanted = match type_name(inner).as_deref() {
        Some("bool") => Some((&[InitialKind::Bool][..], "true or false")),
        Some("f32" | "f64") => Some((&[InitialKind::Integer, InitialKind::Float][..], "a number")),
        Some("i8" | "i16" | "i32" | "i64" | "isize" | "u8" | "u16" | "u32" | "u64" | "usize") => {
            Some((&[InitialKind::Integer][..], "a whole number"))
        }
        _ => None,
    };
    if let Some((kinds, words)) = wanted
        && !kinds.contains(&default.kind)
    {
        return refuse(format!("the default of this field is {words}"));
    }
    let is_unsigned = type_name(inner).is_some_and(|name| name.starts_with('u'));
    if default.kind == InitialKind::Integer && is_unsigned && default.text.starts_with('-') {
        return refuse("the default of this field is not negative".to_owned());
    }
    let dropdown = field
        .attributes
        .widget
        .as_ref()
        .is_some_and(|(_, variant)| *variant == "Dropdown");
    if let Some(options) = field.attributes.options.as_ref().filter(|_| dropdown) {
        let options = options.value();
        let mut values = options
            .split('|')
            .map(|choice| choice.split_once("::").map_or(choice, |(value, _)| value));
        if !default.text.is_empty() && !values.any(|value| value == default.text) {
            return refuse(format!("the default is none of {options:?}"));
        }
    }
    Ok(())
}

/// The last word of a type's path.
fn type_name(r#type: &Type) -> Option<String> {
    match r#type {
        Type::Path(path) => path
            .path
            .segments
            .last()
            .map(|segment| segment.ident.to_string()),
        _ => None,
    }
}

fn is_named(r#type: &Type, name: &str) -> bool {
    type_name(r#type).is_some_and(|found| found == name)
}

/// `T` of `Option<T>`.
fn option_of(r#type: &Type) -> Option<&Type> {
    let Type::Path(path) = r#type else {
        return None;
    };
    let segment = path
        .path
        .segments
        .last()
        .filter(|segment| segment.ident == "Option")?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return None;
    };
    match arguments.args.first() {
        Some(GenericArgument::Type(inner)) => Some(inner),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        let input = syn::parse_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        match expand(&input) {
            Ok(_) => panic!("{text} compiles"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn what_is_no_field_does_not_compile_and_says_why() {
        for (field, expected) in [
            // The original's echo connector wrote this, and had a field that was no secret.
            (r#"#[field("token,secret")] x: String"#, "expected"),
            (
                "#[field(secrt)] x: String",
                "no word \"secrt\"; there are text, ",
            ),
            ("#[field(secret = true)] x: String", "expected `,`"),
            (
                "#[field(required, required)] x: String",
                "required is there twice",
            ),
            ("#[field(url, email)] x: String", "url is there already"),
            (
                "#[field(url, dropdown = \"a|b\")] x: String",
                "url is there already",
            ),
            ("#[field(dropdown)] x: String", "expected `=`"),
            (
                "#[field(mode = \"free\")] x: String",
                "\"fixed\" or \"expression\"",
            ),
            ("#[field(key = \" \")] x: String", "the key is empty"),
            (
                "#[field(key = \"y\")] x: String, y: String",
                "\"y\" is there twice",
            ),
            (
                "#[field(visible_when = \"y\")] x: String, y: bool",
                "\"field:value\"",
            ),
            (
                "#[field(visible_when = \"z:1\")] x: String, y: bool",
                "no other field \"z\"",
            ),
            (
                "#[field(visible_when = \"x:1\")] x: String",
                "no other field \"x\"",
            ),
            ("#[field(required)] x: Option<String>", "no Option"),
            (
                "#[field(col_options(a = \"1|2\"))] x: String",
                "for a kvlist",
            ),
            ("#[field(secret, default = \"a\")] x: String", "published"),
            ("#[field(default = \"a\")] x: Secret", "published"),
            ("#[field(default = \"a\")] x: Option<Secret>", "published"),
            ("#[field(default = \"3\")] x: u32", "a whole number"),
            ("#[field(default = 1.5)] x: i64", "a whole number"),
            ("#[field(default = -1)] x: u8", "not negative"),
            ("#[field(default = true)] x: f64", "a number"),
            ("#[field(default = 1)] x: bool", "true or false"),
            ("#[field(default = f())] x: String", "a text, a number"),
            (
                "#[field(dropdown = \"a|b::B\", default = \"B\")] x: String",
                "none of",
            ),
        ] {
            let error = error(&format!("struct S {{ {field} }}"));
            assert!(error.contains(expected), "{field}: {error}");
        }
    }

    #[test]
    fn what_is_no_struct_with_fields_does_not_compile() {
        for text in ["enum E { A }", "struct S(String);", "struct S<T> { x: T }"] {
            assert!(error(text).contains("Fields is for structs"), "{text}");
        }
        assert!(error("#[fields(lax)] struct S { x: String }").contains("strict"));
    }
}
