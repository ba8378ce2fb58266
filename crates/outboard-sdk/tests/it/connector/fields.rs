//! What structs declare, and how they are read from texts.

use std::collections::BTreeMap;

use outboard_sdk::{
    Value,
    connector::{
        Arguments, Choice, Config, Connector, Context, FieldError, Fields, Operation, Secret,
    },
    json,
    testing::ConnectorHost,
};

#[derive(Choice, Default, Clone, Copy, Debug, PartialEq)]
enum Region {
    #[default]
    #[choice(label = "Europe")]
    Eu,
    #[choice(value = "us-east")]
    UsEast,
    AsiaPacific,
}

#[derive(Fields, Debug, PartialEq, Default)]
struct Everything {
    text: String,
    flag: bool,
    small: u8,
    number: i64,
    ratio: f64,
    region: Region,
    secret: Secret,
    rows: Vec<BTreeMap<String, String>>,
    json: Value,
    perhaps: Option<u32>,
    perhaps_flag: Option<bool>,
    r#type: String,
}

#[derive(Fields, Debug, PartialEq)]
#[fields(strict)]
struct Strict {
    #[field(required)]
    text: String,
    #[field(default = 7)]
    number: u8,
    #[field(default = true)]
    flag: bool,
    #[field(dropdown = "a|b::B", default = "a")]
    letter: String,
    #[field(default = "us-east")]
    region: Region,
    #[field(required, visible_when = "flag:true")]
    why: String,
    perhaps: Option<i8>,
}

fn arguments(pairs: &[(&str, &str)]) -> Arguments {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

#[test]
fn the_widget_follows_from_the_type() {
    let fields = Everything::fields();
    let found: Vec<_> = fields
        .iter()
        .map(|field| {
            (
                &*field.key,
                &*field.widget,
                &*field.options,
                &*field.value,
                field.is_secret,
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            ("text", "text", "", "", false),
            ("flag", "checkbox", "", "false", false),
            ("small", "number", "", "", false),
            ("number", "number", "", "", false),
            ("ratio", "number", "", "", false),
            (
                "region",
                "dropdown",
                "eu::Europe|us-east|asia_pacific",
                "",
                false
            ),
            ("secret", "secret", "", "", true),
            ("rows", "kvlist", "", "", false),
            ("json", "textarea", "", "", false),
            ("perhaps", "number", "", "", false),
            ("perhaps_flag", "checkbox", "", "", false),
            ("type", "text", "", "", false),
        ]
    );
}

#[test]
fn every_word_reaches_the_field() {
    #[derive(Fields)]
    #[allow(dead_code)]
    struct Words {
        /// One line,
        /// and another.
        ///
        /// A paragraph.
        #[field(textarea, secret, required, locked, hidden, regen)]
        all: String,
        #[field(kvlist = "name|kind", col_options(kind = "a::1|b", name = "x"))]
        rows: String,
        #[field(
            picker = "people",
            env_override = "PEOPLE",
            group = "Who",
            mode = "fixed"
        )]
        who: String,
        #[field(boolean)]
        yes: String,
        #[field(default = -1.5)]
        below: f32,
    }
    let fields: BTreeMap<String, Config> = Words::fields()
        .into_iter()
        .map(|field| (field.key.clone(), field))
        .collect();
    let all = &fields["all"];
    assert_eq!(all.description, "One line, and another.\nA paragraph.");
    assert_eq!(
        all.widget, "textarea",
        "a widget of its own wins over that of a secret"
    );
    assert!(all.is_secret && all.required && all.locked && all.hidden && all.can_regenerate);
    let rows = &fields["rows"];
    assert_eq!((&*rows.widget, &*rows.options), ("kvlist", "name|kind"));
    assert_eq!(rows.column_options["kind"], "a::1|b");
    assert_eq!(rows.column_options["name"], "x");
    let who = &fields["who"];
    assert_eq!(
        (
            &*who.widget,
            &*who.options,
            &*who.env_override,
            &*who.group,
            &*who.mode
        ),
        ("picker", "people", "PEOPLE", "Who", "fixed")
    );
    assert_eq!(fields["yes"].widget, "checkbox");
    assert_eq!(fields["below"].value, "-1.5");
}

#[test]
fn absent_empty_and_unreadable_values_are_read_leniently_as_zero() {
    assert_eq!(
        Everything::from_arguments(&Arguments::new()),
        Ok(Everything::default())
    );
    let empty = arguments(&[
        ("text", ""),
        ("flag", ""),
        ("small", ""),
        ("region", ""),
        ("json", ""),
    ]);
    assert_eq!(
        Everything::from_arguments(&empty),
        Ok(Everything::default())
    );
    let wrong = arguments(&[
        ("flag", "yes"),
        ("small", "256"),
        ("number", "x"),
        ("ratio", "NaN"),
        ("rows", "[1]"),
        ("json", "{"),
        ("perhaps", "-1"),
        ("unknown", "1"),
    ]);
    assert_eq!(
        Everything::from_arguments(&wrong),
        Ok(Everything::default())
    );
}

#[test]
fn values_are_read_as_they_are_meant() {
    let read = Everything::from_arguments(&arguments(&[
        ("text", " a "),
        ("flag", "T"),
        ("small", "255"),
        ("number", "-9007199254740993"),
        ("ratio", "1e3"),
        ("region", "asia_pacific"),
        ("secret", "s"),
        ("rows", r#"[{"name":"a","value":"b"}]"#),
        ("json", "[1]"),
        ("perhaps", "2.0"),
        ("perhaps_flag", "0"),
        ("type", "t"),
    ]))
    .unwrap();
    let row =
        BTreeMap::from([("name", "a"), ("value", "b")].map(|(k, v)| (k.to_owned(), v.to_owned())));
    let expected = Everything {
        text: " a ".to_owned(),
        flag: true,
        small: 255,
        // Not the float next to it.
        number: -9_007_199_254_740_993,
        ratio: 1000.0,
        region: Region::AsiaPacific,
        secret: "s".into(),
        rows: vec![row],
        json: json!([1]),
        perhaps: Some(2),
        perhaps_flag: Some(false),
        r#type: "t".to_owned(),
    };
    assert_eq!(read, expected);
    assert!(!format!("{read:?}").contains("\"s\""), "{read:?}");
}

#[test]
fn numbers_that_do_not_fit_are_no_numbers() {
    for (text, fits) in [
        ("2.5", false),
        ("-1", false),
        ("1e1", true),
        ("255.0", true),
        ("256.0", false),
        ("1e300", false),
        ("inf", false),
        (" 3 ", true),
    ] {
        let read =
            Strict::from_arguments(&arguments(&[("text", "t"), ("why", "w"), ("number", text)]));
        assert_eq!(read.is_ok(), fits, "{text}: {read:?}");
    }
}

#[test]
fn a_choice_that_is_none_is_an_error_also_leniently() {
    let error = Everything::from_arguments(&arguments(&[("region", "mars")])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the field \"region\" must be one of eu, us-east, asia_pacific"
    );
}

#[test]
fn read_strictly_what_is_absent_is_the_default_and_the_rest_is_an_error() {
    let read = Strict::from_arguments(&arguments(&[("text", "t"), ("why", "w")])).unwrap();
    let expected = Strict {
        text: "t".to_owned(),
        number: 7,
        flag: true,
        letter: "a".to_owned(),
        region: Region::UsEast,
        why: "w".to_owned(),
        perhaps: None,
    };
    assert_eq!(read, expected);
    let missing = |key: &str| FieldError::Missing {
        key: key.to_owned(),
    };
    for (pairs, error) in [
        (&[("why", "w")][..], "the field \"text\" is required"),
        (&[("text", "t")], "the field \"why\" is required"),
        (
            &[("text", "t"), ("why", "w"), ("flag", "yes")],
            "the field \"flag\" must be true or false",
        ),
        (
            &[("text", "t"), ("why", "w"), ("letter", "c")],
            "the field \"letter\" must be one of a, b",
        ),
        (
            &[("text", "t"), ("why", "w"), ("perhaps", "128")],
            "a whole number from -128 to 127",
        ),
        (
            &[("text", "t"), ("why", "w"), ("region", "x")],
            "one of eu, us-east",
        ),
    ] {
        let found = Strict::from_arguments(&arguments(pairs)).unwrap_err();
        assert!(found.to_string().contains(error), "{found}");
    }
    assert_eq!(
        Strict::from_arguments(&Arguments::new()),
        Err(missing("text"))
    );
    let hidden = arguments(&[("text", "t"), ("flag", "false")]);
    assert_eq!(
        Strict::from_arguments(&hidden).unwrap().why,
        "",
        "what is not shown may be missing"
    );
}

#[tokio::test]
async fn strict_input_and_settings_fail_the_call_and_say_which_field() {
    let work = |_: Context<Strict>, input: Strict| async move { Ok(input.text) };
    let connector = Connector::new("a", "A").category("", "", [Operation::new("go", "Go", work)]);
    let host = ConnectorHost::start(connector, json!({ "text": "t", "why": "w" }))
        .await
        .unwrap();
    let mut client = host.client();
    let mut call = async |settings: &[(&str, &str)], input: Value| {
        let request = outboard_contracts::connector::proto::ExecuteRequest {
            operation: "go".to_owned(),
            args_json: input.to_string().into(),
            creds: arguments(settings),
            ..Default::default()
        };
        let response = client.execute(request).await.unwrap().into_inner();
        response.error.map(|error| (error.code, error.message))
    };
    let good = [("text", "t"), ("why", "w")];
    assert_eq!(call(&good, json!({ "text": "t", "why": "w" })).await, None);
    let (code, message) = call(
        &good,
        json!({ "text": "t", "why": "w", "number": "hunter2" }),
    )
    .await
    .unwrap();
    assert_eq!(code, "bad_args");
    assert_eq!(
        message,
        "the field \"number\" must be a whole number from 0 to 255"
    );
    let (code, message) = call(&[("why", "w")], json!({})).await.unwrap();
    assert_eq!(
        (&*code, &*message),
        ("bad_config", "the settings: the field \"text\" is required")
    );
    // What the reader of JSON says would quote the value.
    let (code, message) = call(&good, json!({ "text": 12345 })).await.unwrap();
    assert_eq!(code, "bad_args");
    assert!(!message.contains("12345"), "{message}");
}
