//! Plugin names.

use outboard_contracts::name::{MAX_NAME_LENGTH, NameError, PluginName};

#[test]
fn names_of_lower_case_letters_digits_and_hyphens_are_accepted() {
    for name in [
        "a",
        "ab",
        "my-plugin-2",
        "a1",
        "a--b",
        &"a".repeat(MAX_NAME_LENGTH),
    ] {
        assert_eq!(PluginName::parse(name).unwrap().as_str(), name);
    }
}

#[test]
fn names_that_could_leave_a_directory_or_confuse_a_reader_are_refused() {
    for name in [
        "-bad",
        "bad-",
        "Bad",
        "my_plugin",
        "my plugin",
        "1abc",
        "-",
        ".",
        "..",
        "../etc",
        "a/b",
        "a\\b",
        "a.b",
        "a\0",
        "a\n",
        "é",
        "a%2f",
    ] {
        assert!(
            matches!(PluginName::parse(name), Err(NameError::Malformed { .. })),
            "{name:?}"
        );
    }
    assert_eq!(PluginName::parse(""), Err(NameError::Empty));
}

// DIFFERENCE: the original has no limit, and a name becomes a file's name.
#[test]
fn a_name_beyond_the_limit_is_refused() {
    let name = "a".repeat(MAX_NAME_LENGTH + 1);
    assert_eq!(
        PluginName::parse(&name),
        Err(NameError::TooLong { length: 65 })
    );
}

// DIFFERENCE: the original takes it, and has no page for one plugin that its list of
// loaded plugins could hide.
#[test]
fn a_name_that_the_http_api_uses_itself_is_refused_and_says_so() {
    let error = PluginName::parse("loaded").unwrap_err();
    assert_eq!(
        error,
        NameError::Reserved {
            name: "loaded".to_owned()
        }
    );
    assert!(error.to_string().contains("reserved"), "{error}");
    assert!(PluginName::parse("loaded-2").is_ok());
}

#[test]
fn a_name_in_json_is_checked_when_it_is_read() {
    assert_eq!(
        serde_json::from_str::<PluginName>("\"store\"").unwrap(),
        "store"
    );
    let error = serde_json::from_str::<PluginName>("\"../store\"").unwrap_err();
    assert!(error.to_string().contains("lowercase"), "{error}");
}
