//! `derive(Choice)`.

use std::collections::BTreeSet;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Fields, Result, Variant, ext::IdentExt as _};

use crate::attribute::text;

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Enum(data) = &input.data else {
        return Err(Error::new_spanned(
            &input.ident,
            "Choice is for enums without data",
        ));
    };
    let mut values = BTreeSet::new();
    let (mut options, mut words, mut arms) = (Vec::new(), Vec::new(), Vec::new());
    for variant in &data.variants {
        let (value, label) = read(variant)?;
        if !values.insert(value.clone()) {
            return Err(Error::new_spanned(
                variant,
                format!("the value {value:?} is there twice"),
            ));
        }
        options.push(match &label {
            Some(label) => format!("{value}::{label}"),
            None => value.clone(),
        });
        let name = &variant.ident;
        arms.push(quote!(#value => ::std::option::Option::Some(Self::#name),));
        words.push(value);
    }
    let options = options.join("|");
    let expected = format!("one of {}", words.join(", "));
    let name = &input.ident;
    let (generics, types, bounds) = input.generics.split_for_impl();
    Ok(quote! {
        #[automatically_derived]
        impl #generics ::outboard_sdk::connector::FieldValue for #name #types #bounds {
            const WIDGET: ::outboard_sdk::connector::Widget =
                ::outboard_sdk::connector::Widget::Dropdown;
            const LENIENT: bool = false;

            fn options() -> ::std::string::String {
                ::std::string::String::from(#options)
            }

            fn expected() -> ::std::string::String {
                ::std::string::String::from(#expected)
            }

            fn absent() -> Self {
                ::std::default::Default::default()
            }

            fn from_text(text: &str) -> ::std::option::Option<Self> {
                match text {
                    #(#arms)*
                    _ => ::std::option::Option::None,
                }
            }
        }
    })
}

/// A variant's value, and its label if it has one.
fn read(variant: &Variant) -> Result<(String, Option<String>)> {
    if !matches!(variant.fields, Fields::Unit) {
        return Err(Error::new_spanned(
            variant,
            "Choice is for enums without data",
        ));
    }
    let (mut value, mut label) = (None, None);
    for attribute in variant
        .attrs
        .iter()
        .filter(|attribute| attribute.path().is_ident("choice"))
    {
        attribute.parse_nested_meta(|meta| {
            let place = if meta.path.is_ident("value") {
                &mut value
            } else if meta.path.is_ident("label") {
                &mut label
            } else {
                return Err(meta.error("there are the words value and label"));
            };
            let text = text(&meta)?;
            let written = text.value();
            // These part one choice from the next, and the value from the label.
            if written.is_empty() || written.contains('|') || written.contains("::") {
                return Err(Error::new(text.span(), "not empty, and without | and ::"));
            }
            *place = Some(written);
            Ok(())
        })?;
    }
    Ok((
        value.unwrap_or_else(|| snake_case(&variant.ident.unraw().to_string())),
        label,
    ))
}

fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for (position, character) in name.chars().enumerate() {
        if character.is_uppercase() && position > 0 {
            snake.push('_');
        }
        snake.extend(character.to_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_choice_does_not_compile_and_says_why() {
        for (text, expected) in [
            ("struct S;", "enums without data"),
            ("enum E { A(u8) }", "enums without data"),
            (
                "enum E { A, #[choice(value = \"a\")] B }",
                "\"a\" is there twice",
            ),
            ("enum E { #[choice(value = \"a|b\")] A }", "without |"),
            ("enum E { #[choice(label = \"\")] A }", "not empty"),
            ("enum E { #[choice(name = \"a\")] A }", "value and label"),
        ] {
            let input = syn::parse_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            let error = match expand(&input) {
                Ok(_) => panic!("{text} compiles"),
                Err(error) => error.to_string(),
            };
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn a_variant_is_written_in_snake_case() {
        assert_eq!(snake_case("UsEast"), "us_east");
        assert_eq!(snake_case("Eu"), "eu");
    }
}
