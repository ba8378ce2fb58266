//! Values: declared, defaulted, locked, sealed, shown.

use outboard_connector::{
    secrets::{SecretError, SecretKey, Secrets},
    state::{
        State, StateError,
        instances::{By, Instance, NewInstance, SECRET_PLACEHOLDER, Source, fields},
        tokens::{StoredIdentity, Tokens},
    },
};
use outboard_contracts::connector::module::{Config, Module, OAuth};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Home, field, module, nothing, secret};

const SECRET: &str = "correct-horse-battery-staple";

fn new(name: &str) -> NewInstance<'_> {
    NewInstance {
        connector: "github",
        name,
        owner: "ada",
    }
}

fn create(state: &State, module: &Module, input: Value) -> Instance {
    let name = Uuid::new_v4().simple().to_string();
    let name = format!("i-{name}");
    state
        .create_instance(&new(&name), module, &input, By::User)
        .unwrap()
}

fn value(state: &State, instance: &Instance, module: &Module, key: &str) -> Option<String> {
    let instance = state.instance_by_id(instance.id).unwrap();
    let credentials = state.credentials(&instance, module, &nothing).unwrap();
    credentials.values().get(key).cloned()
}

#[test]
fn only_declared_fields_are_sent() {
    let home = Home::new();
    let state = home.open();
    let old = module(vec![field("url"), field("gone"), secret("token")]);
    let instance = create(
        &state,
        &old,
        json!({ "url": "u", "gone": "g", "token": SECRET }),
    );
    let now = module(vec![
        field("url"),
        Config {
            value: "eu".into(),
            ..field("region")
        },
    ]);
    let credentials = state.credentials(&instance, &now, &nothing).unwrap();
    assert_eq!(
        credentials.values().iter().collect::<Vec<_>>(),
        [
            (&"region".to_owned(), &"eu".to_owned()),
            (&"url".to_owned(), &"u".to_owned())
        ]
    );
    // What an older version has stored is still there, should it come back.
    assert_eq!(value(&state, &instance, &old, "token").unwrap(), SECRET);
    // A change through the new version does not take it away.
    state
        .update_instance(instance.id, &now, &json!({ "url": "v" }), By::User)
        .unwrap();
    assert_eq!(value(&state, &instance, &old, "token").unwrap(), SECRET);
}

#[test]
fn with_oauth_the_client_is_kept_and_sent_only_if_declared() {
    let home = Home::new();
    let state = home.open();
    let mut module = module(vec![field("url")]);
    module.oauth = Some(OAuth::default());
    let keys = |module: &Module| -> Vec<(String, bool)> {
        fields(module)
            .into_iter()
            .map(|field| (field.key, field.is_secret))
            .collect()
    };
    assert_eq!(
        keys(&module),
        [
            ("url".to_owned(), false),
            ("client_id".to_owned(), false),
            ("client_secret".to_owned(), true)
        ]
    );
    let input = json!({ "client_id": "app", "client_secret": SECRET });
    let instance = create(&state, &module, input);
    let credentials = state.credentials(&instance, &module, &nothing).unwrap();
    assert!(credentials.values().is_empty());
    // Not sent, and masked all the same.
    assert_eq!(credentials.masker().mask(SECRET), "[secret]");
    module.configs.push(field("client_id"));
    let credentials = state.credentials(&instance, &module, &nothing).unwrap();
    assert_eq!(credentials.values()["client_id"], "app");
    assert_eq!(credentials.values().len(), 1);
}

#[test]
fn environment_then_instance_then_default() {
    let home = Home::new();
    let state = home.open();
    let number = Config {
        value: "3".into(),
        env_override: "RETRIES".into(),
        widget: "number".into(),
        ..field("retries")
    };
    let module = module(vec![number]);
    let instance = create(&state, &module, json!({}));
    let sent = |instance: &Instance, environment: &dyn Fn(&str) -> Option<String>| {
        let credentials = state.credentials(instance, &module, environment);
        credentials.map(|it| it.values()["retries"].clone())
    };
    let set = |name: &str| (name == "RETRIES").then(|| "9".to_owned());
    assert_eq!(sent(&instance, &nothing).unwrap(), "3");
    assert_eq!(sent(&instance, &set).unwrap(), "9");
    let instance = state
        .update_instance(instance.id, &module, &json!({ "retries": 5 }), By::User)
        .unwrap();
    assert_eq!(sent(&instance, &nothing).unwrap(), "5");
    assert_eq!(sent(&instance, &set).unwrap(), "9");
    // An empty variable does not count, and one that does not fit is named, not shown.
    assert_eq!(sent(&instance, &|_| Some(String::new())).unwrap(), "5");
    let error = sent(&instance, &|_| Some(SECRET.to_owned())).unwrap_err();
    assert!(matches!(error, StateError::Environment { .. }), "{error}");
    let text = format!("{error} {error:?}");
    assert!(text.contains("RETRIES") && !text.contains(SECRET), "{text}");
}

#[test]
fn a_connector_cannot_ask_for_the_hosts_own_variables() {
    let home = Home::new();
    let state = home.open();
    for name in [
        "OUTBOARD_SECRET_KEY",
        "outboard_secret_key",
        "A=B",
        "A\0B",
        "A B",
    ] {
        let module = module(vec![Config {
            env_override: name.into(),
            ..field("x")
        }]);
        let instance = create(&state, &module, json!({}));
        let environment = |name: &str| -> Option<String> { panic!("asked for {name}") };
        let credentials = state.credentials(&instance, &module, &environment).unwrap();
        assert!(credentials.values().is_empty());
    }
}

#[test]
fn everything_that_is_missing_is_named_at_once() {
    let home = Home::new();
    let state = home.open();
    let required = |key: &str| Config {
        required: true,
        ..field(key)
    };
    let hidden = Config {
        visible_when: "a:on".into(),
        ..required("c")
    };
    let module = module(vec![required("a"), required("b"), hidden]);
    let instance = create(&state, &module, json!({}));
    let error = state.credentials(&instance, &module, &nothing).unwrap_err();
    assert!(
        matches!(&error, StateError::Missing { fields, .. } if fields[..] == ["a", "b"]),
        "{error}"
    );
    let missing = |instance: &Instance| -> Vec<String> {
        let view = state.view(instance, &module, &nothing);
        view.into_iter()
            .filter(|it| it.missing)
            .map(|it| it.key)
            .collect()
    };
    assert_eq!(missing(&instance), ["a", "b"]);
    let instance = state
        .update_instance(
            instance.id,
            &module,
            &json!({ "a": "on", "b": "" }),
            By::User,
        )
        .unwrap();
    assert_eq!(missing(&instance), ["b", "c"]);
}

#[test]
fn secrets_are_shown_masked_and_the_mask_keeps_them() {
    let home = Home::new();
    let state = home.open();
    let module = module(vec![field("url"), secret("token"), secret("other")]);
    let instance = create(&state, &module, json!({ "url": "u", "token": SECRET }));
    let shown = |instance: &Instance| -> Vec<(String, Source)> {
        let view = state.view(instance, &module, &nothing);
        view.into_iter().map(|it| (it.value, it.source)).collect()
    };
    assert_eq!(
        shown(&instance),
        [
            ("u".to_owned(), Source::Instance),
            (SECRET_PLACEHOLDER.to_owned(), Source::Instance),
            (String::new(), Source::Nothing)
        ]
    );
    // A form sends everything back.
    let form = json!({ "url": "v", "token": SECRET_PLACEHOLDER, "other": "" });
    let instance = state
        .update_instance(instance.id, &module, &form, By::User)
        .unwrap();
    assert_eq!(value(&state, &instance, &module, "token").unwrap(), SECRET);
    assert_eq!(value(&state, &instance, &module, "url").unwrap(), "v");
    // Where it is no secret, the placeholder is a text like any other.
    let form = json!({ "url": SECRET_PLACEHOLDER, "token": null });
    let instance = state
        .update_instance(instance.id, &module, &form, By::User)
        .unwrap();
    assert_eq!(
        value(&state, &instance, &module, "url").unwrap(),
        SECRET_PLACEHOLDER
    );
    assert_eq!(value(&state, &instance, &module, "token"), None);
}

#[test]
fn locked_fields_are_the_hosts() {
    let home = Home::new();
    let state = home.open();
    let locked = Config {
        locked: true,
        value: "fixed".into(),
        ..field("tenant")
    };
    let hidden = Config {
        locked: true,
        ..secret("pepper")
    };
    let module = module(vec![locked, hidden, field("url")]);
    let instance = create(&state, &module, json!({ "tenant": "fixed", "url": "u" }));
    for (key, input) in [
        ("tenant", json!({ "tenant": "mine" })),
        ("pepper", json!({ "pepper": "mine", "url": "w" })),
    ] {
        let error = state
            .update_instance(instance.id, &module, &input, By::User)
            .unwrap_err();
        assert!(
            matches!(&error, StateError::Locked { fields } if fields == &[key]),
            "{error}"
        );
    }
    assert_eq!(value(&state, &instance, &module, "url").unwrap(), "u");
    state
        .update_instance(
            instance.id,
            &module,
            &json!({ "tenant": "theirs", "pepper": SECRET }),
            By::Host,
        )
        .unwrap();
    assert_eq!(
        value(&state, &instance, &module, "tenant").unwrap(),
        "theirs"
    );
    // A form that sends what is there changes nothing.
    let form = json!({ "tenant": "theirs", "pepper": SECRET_PLACEHOLDER, "url": "x" });
    state
        .update_instance(instance.id, &module, &form, By::User)
        .unwrap();
    assert_eq!(value(&state, &instance, &module, "pepper").unwrap(), SECRET);
    for input in [
        json!({ "pepper": null }),
        json!({ "pepper": "" }),
        json!({ "tenant": null }),
    ] {
        assert!(matches!(
            state.update_instance(instance.id, &module, &input, By::User),
            Err(StateError::Locked { .. })
        ));
    }
}

#[test]
fn values_that_do_not_fit_are_refused_without_being_shown() {
    let home = Home::new();
    let state = home.open();
    let number = Config {
        widget: "number".into(),
        is_secret: true,
        ..field("pin")
    };
    let module = module(vec![number, field("url")]);
    for input in [
        json!({ "pin": SECRET }),
        json!({ "unknown": SECRET }),
        json!([SECRET]),
        json!(SECRET),
    ] {
        let error = state
            .create_instance(&new("x"), &module, &input, By::User)
            .unwrap_err();
        assert!(matches!(error, StateError::Input(_)), "{error}");
        let text = format!("{error} {error:?}");
        assert!(!text.contains(SECRET), "{text}");
    }
    let error = state
        .create_instance(
            &new("x"),
            &module,
            &json!({ "url": "x".repeat(65 * 1024) }),
            By::User,
        )
        .unwrap_err();
    assert!(matches!(error, StateError::TooLong { .. }), "{error}");
    assert!(state.instances(None).unwrap().is_empty());
}

#[test]
fn all_values_together_have_a_limit() {
    let home = Home::new();
    let state = home.open();
    let fields: Vec<Config> = (0..10).map(|at| field(&format!("f{at}"))).collect();
    let input: Value = (0..10)
        .map(|at| (format!("f{at}"), Value::from("x".repeat(60 * 1024))))
        .collect();
    let error = state
        .create_instance(&new("x"), &module(fields), &input, By::User)
        .unwrap_err();
    assert!(
        matches!(&error, StateError::TooLong { field, .. } if field.is_empty()),
        "{error}"
    );
}

#[test]
fn names_are_unique_in_a_connector_and_found_with_ids() {
    let home = Home::new();
    let state = home.open();
    let module = module(vec![]);
    let instance = state
        .create_instance(&new("work"), &module, &json!({}), By::User)
        .unwrap();
    assert!(matches!(
        state.create_instance(&new("work"), &module, &json!({}), By::User),
        Err(StateError::NameTaken { .. })
    ));
    let elsewhere = NewInstance {
        connector: "slack",
        ..new("work")
    };
    let other = state
        .create_instance(&elsewhere, &module, &json!({}), By::User)
        .unwrap();
    assert_eq!(state.instance("github", "work").unwrap().id, instance.id);
    let id = instance.id.to_string();
    assert_eq!(state.instance("github", &id).unwrap().id, instance.id);
    // An id of another connector is no way to its values.
    let id = other.id.to_string();
    assert!(state.instance("github", &id).unwrap_err().is_not_found());
    for name in ["", " a", "a\n", "a\u{7f}", &id, &"x".repeat(101)] {
        assert!(matches!(
            state.create_instance(&new(name), &module, &json!({}), By::User),
            Err(StateError::Name { .. })
        ));
        assert!(matches!(
            state.rename_instance(instance.id, name),
            Err(StateError::Name { .. })
        ));
    }
    let second = state.ensure_instance(&new("home")).unwrap();
    assert_eq!(state.ensure_instance(&new("home")).unwrap().id, second.id);
    assert!(matches!(
        state.rename_instance(second.id, "work"),
        Err(StateError::NameTaken { .. })
    ));
    assert_eq!(
        state.rename_instance(second.id, "home").unwrap().name,
        "home"
    );
    assert_eq!(
        state.rename_instance(second.id, "cabin").unwrap().name,
        "cabin"
    );
    assert_eq!(state.instances(Some("github")).unwrap().len(), 2);
    state.remove_instance(second.id).unwrap();
    assert!(state.remove_instance(second.id).unwrap_err().is_not_found());
    assert!(matches!(
        state.create_instance(
            &NewInstance {
                connector: "../x",
                ..new("a")
            },
            &module,
            &json!({}),
            By::User
        ),
        Err(StateError::Key(_))
    ));
}

fn tokens() -> Tokens {
    Tokens {
        access: "access-token-of-ada".into(),
        refresh: Some("refresh-token-of-ada".into()),
        expires_at: None,
        scopes: "read".to_owned(),
        client_in_body: false,
    }
}

#[test]
fn no_secret_is_in_the_files_while_they_are_open_or_after() {
    let home = Home::new();
    let state = home.open();
    let module = module(vec![field("url"), secret("token")]);
    let instance = create(
        &state,
        &module,
        json!({ "url": "a-plain-value", "token": SECRET }),
    );
    state.set_tokens(instance.id, &tokens()).unwrap();
    let identity = StoredIdentity {
        user_id: "user-4711".to_owned(),
        display_name: "Ada Lovelace".to_owned(),
    };
    state.set_identity(instance.id, &identity).unwrap();
    let sign_in = state.sign_in(instance.id).unwrap().unwrap();
    assert_eq!(sign_in.identity, Some(identity));
    let hidden = [
        SECRET,
        "access-token-of-ada",
        "refresh-token-of-ada",
        "user-4711",
        "Ada Lovelace",
    ];
    // The search finds what is there.
    assert!(!home.files_with("a-plain-value").is_empty());
    for needle in hidden {
        assert!(home.files_with(needle).is_empty(), "{needle}");
    }
    drop(state);
    assert!(!home.files_with("a-plain-value").is_empty());
    for needle in hidden {
        assert!(home.files_with(needle).is_empty(), "{needle}");
    }
}

#[test]
fn a_plain_value_that_becomes_a_secret_is_sealed_and_gone_from_the_file() {
    let home = Home::new();
    let state = home.open();
    let before = module(vec![field("token"), field("url")]);
    let instance = create(&state, &before, json!({ "token": SECRET }));
    let after = module(vec![secret("token"), field("url")]);
    let credentials = state.credentials(&instance, &after, &nothing).unwrap();
    assert_eq!(credentials.masker().mask(SECRET), "[secret]");
    assert_eq!(
        state.view(&instance, &after, &nothing)[0].value,
        SECRET_PLACEHOLDER
    );
    let instance = state
        .update_instance(instance.id, &after, &json!({ "url": "u" }), By::User)
        .unwrap();
    assert_eq!(value(&state, &instance, &after, "token").unwrap(), SECRET);
    drop(state);
    assert!(home.files_with(SECRET).is_empty());
    // And it stays hidden should a later version call it plain again.
    let state = home.open();
    assert_eq!(
        state.view(&instance, &before, &nothing)[0].value,
        SECRET_PLACEHOLDER
    );
}

#[test]
fn sealed_values_cannot_be_swapped_in_the_file() {
    let home = Home::new();
    let state = home.open();
    let module = module(vec![secret("a"), secret("b")]);
    let instance = create(
        &state,
        &module,
        json!({ "a": SECRET, "b": "another-secret" }),
    );
    let connection = rusqlite::Connection::open(home.path()).unwrap();
    let stored: String = connection
        .query_row("SELECT fields FROM instances", [], |row| row.get(0))
        .unwrap();
    let swapped = stored
        .replace("\"a\"", "\"x\"")
        .replace("\"b\"", "\"a\"")
        .replace("\"x\"", "\"b\"");
    connection
        .execute("UPDATE instances SET fields = ?1", [swapped])
        .unwrap();
    let instance = state.instance_by_id(instance.id).unwrap();
    let error = state.credentials(&instance, &module, &nothing).unwrap_err();
    assert!(
        matches!(
            &error,
            StateError::Secret {
                source: SecretError::Tampered,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn with_another_key_secrets_can_be_entered_again() {
    let home = Home::new();
    let state = home.open();
    let module = module(vec![
        field("url"),
        Config {
            required: true,
            ..secret("token")
        },
    ]);
    let instance = create(&state, &module, json!({ "url": "u", "token": SECRET }));
    let old = home.secrets.key_ids().remove(0);
    drop(state);
    let state = State::open(&home.path(), Secrets::new(SecretKey::generate().unwrap())).unwrap();
    let error = state.credentials(&instance, &module, &nothing).unwrap_err();
    let text = error.to_string();
    assert!(text.contains(&old) && text.contains("token"), "{text}");
    // What can be read is shown, and what cannot says why.
    let view = state.view(&instance, &module, &nothing);
    assert_eq!(view[0].value, "u");
    assert!(view[1].problem.as_ref().unwrap().contains(&old), "{view:?}");
    state
        .update_instance(instance.id, &module, &json!({ "url": "v" }), By::User)
        .unwrap();
    let instance = state
        .update_instance(
            instance.id,
            &module,
            &json!({ "token": "new-secret" }),
            By::User,
        )
        .unwrap();
    assert_eq!(
        value(&state, &instance, &module, "token").unwrap(),
        "new-secret"
    );
}

#[test]
fn a_rotation_seals_everything_anew_or_nothing() {
    let home = Home::new();
    let state = home.open();
    let module = module(vec![field("url"), secret("token")]);
    let instance = create(&state, &module, json!({ "url": "u", "token": SECRET }));
    state.set_tokens(instance.id, &tokens()).unwrap();
    // Without the former key nothing can be read, so nothing is changed.
    let stranger = Secrets::new(SecretKey::generate().unwrap());
    assert!(matches!(
        state.rotate(stranger),
        Err(StateError::Secret { .. })
    ));
    assert_eq!(value(&state, &instance, &module, "token").unwrap(), SECRET);

    let new = SecretKey::generate().unwrap();
    let rotated = state.rotate(state.secrets().rotated(new.clone())).unwrap();
    assert_eq!((rotated.values, rotated.tokens), (1, 2));
    let again = state.rotate(state.secrets()).unwrap();
    assert_eq!((again.values, again.tokens), (0, 0));
    drop(state);
    let state = State::open(&home.path(), Secrets::new(new)).unwrap();
    assert_eq!(value(&state, &instance, &module, "token").unwrap(), SECRET);
    assert!(state.sign_in(instance.id).unwrap().is_some());
}

#[test]
fn what_belongs_to_an_instance_goes_with_it() {
    let home = Home::new();
    let state = home.open();
    let module = module(vec![secret("token")]);
    let first = create(&state, &module, json!({ "token": SECRET }));
    let second = create(&state, &module, json!({ "token": SECRET }));
    for instance in [&first, &second] {
        state.set_tokens(instance.id, &tokens()).unwrap();
    }
    state.remove_instance(first.id).unwrap();
    assert!(state.sign_in(first.id).unwrap().is_none());
    assert!(matches!(
        state.set_identity(first.id, &StoredIdentity::default()),
        Err(StateError::NotSignedIn { .. })
    ));
    assert!(
        state
            .set_tokens(first.id, &tokens())
            .unwrap_err()
            .is_not_found()
    );
    assert!(state.sign_in(second.id).unwrap().is_some());
    state.set_enabled("github", false).unwrap();
    assert_eq!(state.forget("github").unwrap(), 1);
    assert!(state.sign_in(second.id).unwrap().is_none());
    assert!(state.instances(None).unwrap().is_empty());
    assert!(state.enabled("github").unwrap());
}

#[test]
fn debug_output_and_errors_show_no_secret() {
    let home = Home::new();
    let state = home.open();
    let module = module(vec![secret("token")]);
    let instance = create(&state, &module, json!({ "token": SECRET }));
    state.set_tokens(instance.id, &tokens()).unwrap();
    let mut credentials = state.credentials(&instance, &module, &nothing).unwrap();
    credentials.set_access_token(tokens().access);
    assert_eq!(credentials.values()["access_token"], "access-token-of-ada");
    assert_eq!(
        credentials.masker().mask("Bearer access-token-of-ada"),
        "Bearer [secret]"
    );
    let shown = format!(
        "{state:?} {instance:?} {credentials:?} {:?} {:?} {:?}",
        tokens(),
        state.view(&instance, &module, &nothing),
        state.sign_in(instance.id).unwrap()
    );
    for needle in [SECRET, "access-token-of-ada", "refresh-token-of-ada"] {
        assert!(!shown.contains(needle), "{shown}");
    }
}
