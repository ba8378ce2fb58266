//! Sealing, masking, keys and their file.

use super::*;

const PLACE: Place<'static> = Place {
    kind: "instance",
    owner: "i",
    field: "api_key",
};

fn secrets() -> Secrets {
    Secrets::new(SecretKey::generate().unwrap())
}

#[test]
fn a_value_opens_in_its_place_and_nowhere_else() {
    let secrets = secrets();
    let sealed = secrets.seal(&PLACE, "häns & co").unwrap();
    assert_eq!(secrets.open(&PLACE, &sealed).unwrap().expose(), "häns & co");
    for place in [
        Place::new("instance", "i", "api_kez"),
        Place::new("instance", "j", "api_key"),
        Place::new("oauth", "i", "api_key"),
        // The same bytes in a row, cut elsewhere.
        Place::new("instance", "iapi", "_key"),
    ] {
        assert!(matches!(
            secrets.open(&place, &sealed),
            Err(SecretError::Tampered)
        ));
    }
}

#[test]
fn the_same_text_never_looks_the_same_twice() {
    let secrets = secrets();
    assert_ne!(
        secrets.seal(&PLACE, "same").unwrap(),
        secrets.seal(&PLACE, "same").unwrap()
    );
}

#[test]
fn a_changed_value_does_not_open() {
    let secrets = secrets();
    let sealed = secrets.seal(&PLACE, "value").unwrap();
    let (head, body) = sealed.rsplit_once(':').unwrap();
    let bytes = STANDARD.decode(body).unwrap();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let changed = format!("{head}:{}", STANDARD.encode(changed));
        assert!(
            matches!(secrets.open(&PLACE, &changed), Err(SecretError::Tampered)),
            "byte {at}"
        );
    }
}

#[test]
fn what_is_no_sealed_value_is_refused() {
    let secrets = secrets();
    let id = &secrets.key_ids()[0];
    for text in [
        "",
        "plain",
        "v1",
        "v1:",
        "v2:0000000000000000:AAAA",
        &format!("v1:{id}"),
        &format!("v1:{id}:"),
        &format!("v1:{id}:AAAA"),
        &format!("v1:{id}:not base64"),
    ] {
        assert!(
            matches!(
                secrets.open(&PLACE, text),
                Err(SecretError::MalformedValue { .. })
            ),
            "{text:?}"
        );
    }
    let long = "x".repeat(MAX_SECRET_BYTES + 1);
    assert!(matches!(
        secrets.seal(&PLACE, &long),
        Err(SecretError::TooLong { .. })
    ));
    let longest = "x".repeat(MAX_SECRET_BYTES);
    let sealed = secrets.seal(&PLACE, &longest).unwrap();
    assert_eq!(secrets.open(&PLACE, &sealed).unwrap().expose(), longest);
}

#[test]
fn a_wrong_key_says_which_one_is_missing() {
    let old = secrets();
    let sealed = old.seal(&PLACE, "value").unwrap();
    let new = secrets();
    let error = new.open(&PLACE, &sealed).unwrap_err();
    let text = error.to_string();
    assert!(text.contains(&old.key_ids()[0]), "{text}");
    assert!(text.contains(&new.key_ids()[0]), "{text}");
}

#[test]
fn after_a_rotation_old_values_are_read_and_new_ones_use_the_new_key() {
    let old = secrets();
    let sealed = old.seal(&PLACE, "value").unwrap();
    let both = old.rotated(SecretKey::generate().unwrap());
    assert_eq!(both.open(&PLACE, &sealed).unwrap().expose(), "value");
    assert!(!both.is_current(&sealed));
    let again = both.seal(&PLACE, "value").unwrap();
    assert!(both.is_current(&again));
    assert!(matches!(
        old.open(&PLACE, &again),
        Err(SecretError::UnknownKey { .. })
    ));
}

#[test]
fn keys_are_read_with_and_without_padding_and_nothing_else_is_a_key() {
    let key = SecretKey::generate().unwrap();
    let text = key.to_base64();
    for form in [
        text.clone(),
        format!("  {text}\n"),
        text.trim_end_matches('=').to_owned(),
    ] {
        assert_eq!(SecretKey::from_base64(&form).unwrap().id(), key.id());
    }
    for bad in [
        "",
        "hunter2hunter2",
        &STANDARD.encode([1; 31]),
        &STANDARD.encode([1; 33]),
        &STANDARD.encode([0; 32]),
    ] {
        let error = SecretKey::from_base64(bad).unwrap_err();
        assert!(bad.is_empty() || !error.to_string().contains(bad));
    }
    let other = SecretKey::generate().unwrap();
    let list = Secrets::from_base64(&format!("{text},{}", other.to_base64())).unwrap();
    assert_eq!(list.key_ids(), [key.id(), other.id()]);
    assert!(Secrets::from_base64(" , \n").is_err());
}

#[test]
fn debug_output_shows_no_secret() {
    let key = SecretKey::generate().unwrap();
    let text = key.to_base64();
    let secrets = Secrets::new(key.clone());
    let shown = format!(
        "{key:?} {secrets:?} {:?} {:?}",
        SecretText::from("hunter2"),
        Masker::new(["hunter2"])
    );
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(!shown.contains(&text), "{shown}");
}

#[test]
fn secrets_are_found_in_every_form() {
    let secret = "pä\"ss <w>&rd+/=1";
    let masker = Masker::new([secret]);
    let json = serde_json::Value::from(secret).to_string();
    let inner = &json[1..json.len() - 1];
    let form: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let basic = STANDARD.encode(format!("id:{secret}"));
    for text in [
        secret.to_owned(),
        json.clone(),
        inner
            .replace('<', "\\u003c")
            .replace('>', "\\u003e")
            .replace('&', "\\u0026"),
        form,
        STANDARD.encode(secret),
        base64::engine::general_purpose::URL_SAFE.encode(secret),
    ] {
        let masked = masker.mask(&text);
        assert!(masked.contains(MASK), "{text} → {masked}");
        assert!(masked.len() <= MASK.len() + 3, "{text} → {masked}");
    }
    // Inside something longer, at each of the three offsets.
    for before in ["a", "ab", "abc"] {
        let text = STANDARD.encode(format!("{before}{secret}{before}"));
        let masked = masker.mask(&text);
        assert!(masked.contains(MASK), "{text} → {masked}");
        assert!(masked.len() < MASK.len() + 12, "{text} → {masked}");
    }
    assert!(masker.mask(&basic).contains(MASK));
}

#[test]
fn overlapping_secrets_leave_nothing() {
    let masker = Masker::new(["abcdef", "defghi", "abab"]);
    assert_eq!(masker.mask("<abcdefghi>"), "<[secret]>");
    assert_eq!(masker.mask("<ababab>"), "<[secret]>");
    assert_eq!(masker.mask("abcdef defghi"), "[secret] [secret]");
    assert_eq!(masker.mask("nothing here"), "nothing here");
}

#[test]
fn short_values_are_left_and_lines_of_long_ones_are_found() {
    assert!(Masker::new(["", "abc"]).is_empty());
    let pem = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG\n-----END KEY-----\n";
    let masker = Masker::new([pem]);
    assert_eq!(
        masker.mask("line 2: MIIEvQIBADANBgkqhkiG"),
        "line 2: [secret]"
    );
    assert_eq!(masker.mask("-----BEGIN KEY-----"), "-----BEGIN KEY-----");
    assert_eq!(Masker::new(["token\n"]).mask("a token"), "a [secret]");
}

proptest::proptest! {
    #[test]
    fn no_text_of_others_makes_it_panic(text in ".*", value in ".*", id in "[0-9a-f]{0,16}") {
        let secrets = secrets();
        proptest::prop_assert!(secrets.open(&PLACE, &text).is_err());
        let _ = secrets.open(&PLACE, &format!("v1:{id}:{text}"));
        let _ = SecretKey::from_base64(&text);
        let _ = Secrets::from_base64(&text);
        let sealed = secrets.seal(&PLACE, &text).unwrap();
        let opened = secrets.open(&PLACE, &sealed).unwrap();
        proptest::prop_assert_eq!(opened.expose(), &text);
        let masker = Masker::new([&value]);
        let masked = masker.mask(&format!("{text}{value}{text}")).into_owned();
        // Unless the secret is a part of what stands in its place.
        if value.len() >= 4 && !MASK.contains(&value) && !value.contains(['[', ']']) {
            proptest::prop_assert!(!masked.contains(&value), "{} in {}", value, masked);
        }
    }
}

mod files {
    use std::os::unix::fs::PermissionsExt as _;

    use super::super::*;

    #[test]
    fn a_key_file_is_made_once_private_and_complete() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys/secret.key");
        let key = SecretKey::load_or_create(&path).unwrap();
        assert_eq!(SecretKey::load_or_create(&path).unwrap().id(), key.id());
        let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        assert_eq!(
            std::fs::read_dir(path.parent().unwrap()).unwrap().count(),
            1
        );
    }

    #[test]
    fn many_at_once_get_the_same_key() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret.key");
        let barrier = std::sync::Barrier::new(8);
        let ids: std::collections::BTreeSet<String> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        barrier.wait();
                        SecretKey::load_or_create(&path).unwrap().id().to_owned()
                    })
                })
                .collect();
            threads.into_iter().map(|it| it.join().unwrap()).collect()
        });
        assert_eq!(ids.len(), 1);
    }

    #[test]
    fn a_file_that_others_may_read_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret.key");
        SecretKey::load_or_create(&path).unwrap();
        for mode in [0o640, 0o604, 0o620, 0o601] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            assert!(matches!(
                SecretKey::load_or_create(&path),
                Err(SecretError::KeyFileOpen { mode: found, .. }) if found == mode
            ));
        }
    }

    #[test]
    fn a_file_without_a_key_is_an_error_and_stays() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret.key");
        for content in ["", "hunter2hunter2"] {
            std::fs::write(&path, content).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            let error = SecretKey::load_or_create(&path).unwrap_err();
            assert!(matches!(error, SecretError::MalformedKey { .. }), "{error}");
            assert!(error.to_string().contains("secret.key"), "{error}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
        }
        let error = SecretKey::load_or_create(directory.path()).unwrap_err();
        assert!(matches!(error, SecretError::KeyFile { .. }), "{error}");
    }

    #[test]
    fn a_file_is_rotated_in_two_steps() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret.key");
        let first = Secrets::load_or_create(&path).unwrap();
        let both = Secrets::rotate_file(&path).unwrap();
        assert_eq!(both.key_ids()[1..], first.key_ids()[..]);
        assert_eq!(
            Secrets::load_or_create(&path).unwrap().key_ids(),
            both.key_ids()
        );
        let last = Secrets::retire_former(&path).unwrap();
        assert_eq!(last.key_ids()[..], both.key_ids()[..1]);
        assert_eq!(
            Secrets::load_or_create(&path).unwrap().key_ids(),
            last.key_ids()
        );
    }
}
