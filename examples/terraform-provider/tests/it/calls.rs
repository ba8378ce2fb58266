//! Schema, plan, apply, read and what a provider objects to.

use std::{fs, os::unix::fs::PermissionsExt as _, time::Duration};

use terraform_provider::{
    Failure, Provider,
    value::{Value, get, is_unknown},
};

use crate::support::{refusals, shelf};

#[tokio::test]
async fn a_schema_tells_types_and_who_gives_the_values() {
    let Some(shelf) = shelf() else { return };
    let provider = shelf.start().await;
    let shown = provider.schemas().to_string();
    for line in [
        "provider: Files on a shelf.",
        "  directory \"string\" (required): An existing directory, in which the files are.",
        "resource shelf_file: A file on the shelf.",
        "  executable \"bool\" (optional, else computed): Whether its owner may execute it.",
        "  labels [\"map\",\"string\"] (optional): Kept in the state alone.",
        "  size \"number\" (computed): Its size in bytes.",
        "data source shelf_listing: The files on the shelf.",
        "  names [\"list\",\"string\"] (computed): Their names, sorted.",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line}\n{shown}");
    }
    assert_eq!(provider.schemas().resources["shelf_file"].version, 1);
    provider.stop().await;
}

#[tokio::test]
async fn a_resource_is_planned_made_read_changed_and_removed() {
    let Some(shelf) = shelf() else { return };
    let mut provider = shelf.start().await;
    let path = shelf.directory.path().join("tool.sh");
    let labels = Value::Map(vec![("colour".into(), "red".into())]);
    let config = [
        ("name", "tool.sh".into()),
        ("content", "exit 0\n".into()),
        ("executable", true.into()),
        ("labels", labels.clone()),
    ];

    let plan = provider.plan("shelf_file", None, &config).await.unwrap();
    assert!(shelf.files().is_empty(), "planning made a file");
    assert_eq!(get(&plan.planned, "size"), &Value::from(7));
    assert!(is_unknown(get(&plan.planned, "sha256")), "{plan}");
    assert!(plan.to_string().starts_with("make shelf_file\n"), "{plan}");

    let made = provider.apply(plan).await.unwrap().unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "exit 0\n");
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o755
    );
    assert_eq!(get(&made.value, "labels"), &labels);
    // sha256sum says so.
    let sum = "28d3b9e880a77975493dc7e359144c0295a4f694cfe0af4f928c22307bc5c320";
    assert_eq!(get(&made.value, "sha256"), &Value::from(sum));

    let read = provider.read(made.clone()).await.unwrap().unwrap();
    assert_eq!(read, made);

    fs::write(&path, "somebody else was here").unwrap();
    let drifted = provider.read(made).await.unwrap().unwrap();
    assert_eq!(get(&drifted.value, "size"), &Value::from(22));

    let plan = provider.plan("shelf_file", Some(drifted), &config).await;
    let plan = plan.unwrap();
    assert_eq!(
        plan.to_string(),
        "change shelf_file\n  \
           content: \"somebody else was here\" -> \"exit 0\\n\"\n  \
           sha256: \"7062c9ef411a2fbb5e5a5f1bcc21c4fa4867484e622320d05d50de34c6484f97\" -> (known after apply)\n  \
           size: 22 -> 7\n"
    );
    let back = provider.apply(plan).await.unwrap().unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "exit 0\n");

    let removal = provider.plan_removal(back.clone()).await.unwrap();
    assert!(removal.planned.is_nil());
    assert_eq!(provider.apply(removal).await.unwrap(), None);
    assert!(shelf.files().is_empty());
    assert_eq!(provider.read(back).await.unwrap(), None);
    provider.stop().await;
}

#[tokio::test]
async fn a_plan_says_which_attribute_makes_a_new_resource_necessary() {
    let Some(shelf) = shelf() else { return };
    let mut provider = shelf.start().await;
    let config = |name: &str| [("name", name.into()), ("content", "x".into())];
    let plan = provider.plan("shelf_file", None, &config("a")).await;
    let made = provider.apply(plan.unwrap()).await.unwrap();
    let plan = provider.plan("shelf_file", made, &config("b")).await;
    let plan = plan.unwrap();
    assert_eq!(plan.replaces, ["name"]);
    assert_eq!(
        plan.to_string(),
        "replace shelf_file\n  name: \"a\" -> \"b\"\n"
    );
    provider.stop().await;
}

#[tokio::test]
async fn a_data_source_lists_what_is_there() {
    let Some(shelf) = shelf() else { return };
    fs::write(shelf.directory.path().join("b.txt"), "").unwrap();
    fs::write(shelf.directory.path().join("a.txt"), "").unwrap();
    fs::write(shelf.directory.path().join("a.png"), "").unwrap();
    let mut provider = shelf.start().await;
    let config = [("suffix", ".txt".into())];
    let listing = provider.data("shelf_listing", &config).await.unwrap();
    let names = Value::Array(vec!["a.txt".into(), "b.txt".into()]);
    assert_eq!(get(&listing, "names"), &names);
    provider.stop().await;
}

#[tokio::test]
async fn bad_input_is_refused_with_the_attribute_that_is_wrong() {
    let Some(shelf) = shelf() else { return };
    let mut provider = Provider::start(&shelf.spec).await.unwrap();

    let missing = shelf.directory.path().join("missing");
    let missing = missing.to_str().unwrap();
    let refused = provider.configure(&[("directory", missing.into())]).await;
    assert_eq!(
        refusals(refused),
        [format!(
            "error: There is no such shelf (directory): {missing} is not a directory."
        )]
    );
    let config = [("name", "../x".into()), ("content", "".into())];
    let refused = provider.validate("shelf_file", &config).await;
    assert_eq!(
        refusals(refused),
        [
            "error: A name is not a path (name): ../x would leave the shelf.",
            "warning: The file is empty (content): An empty file takes up a name.",
        ]
    );
    let config = [("name", "x".into()), ("content", "".into())];
    let warnings = provider.validate("shelf_file", &config).await.unwrap();
    assert_eq!(warnings.len(), 1, "{warnings:?}");

    let plan = provider.plan("shelf_file", None, &config).await.unwrap();
    let refused = provider.apply(plan).await;
    assert_eq!(
        refusals(refused),
        ["error: The provider is not configured: Call ConfigureProvider first."]
    );
    provider.stop().await;
}

#[tokio::test]
async fn what_no_schema_has_is_not_asked_for() {
    let Some(shelf) = shelf() else { return };
    let mut provider = shelf.start().await;
    let config = [("colour", "red".into())];
    let attribute = provider.validate("shelf_file", &config).await.unwrap_err();
    assert_eq!(
        attribute.to_string(),
        "the provider has no attribute colour"
    );
    let resource = provider.validate("shelf_door", &[]).await.unwrap_err();
    assert!(matches!(resource, Failure::Unknown(_)), "{resource}");
    provider.stop().await;
}

#[tokio::test]
async fn a_value_of_the_wrong_type_is_an_error_of_the_call() {
    let Some(shelf) = shelf() else { return };
    let mut provider = shelf.start().await;
    let config = [("name", Value::Array(Vec::new())), ("content", "".into())];
    let refused = provider.validate("shelf_file", &config).await.unwrap_err();
    assert!(matches!(refused, Failure::Call(_)), "{refused}");
    // The process is as well as before.
    provider.process().ping().await.unwrap();
    provider.stop().await;
}

#[tokio::test]
async fn a_call_that_waits_is_interrupted_and_the_provider_goes_on() {
    let Some(shelf) = shelf() else { return };
    let mut provider = shelf.start().await;
    let mut interrupter = provider.interrupter();
    let wait = [("wait_for", "never".into())];
    let interrupted = {
        let mut listing = std::pin::pin!(provider.data("shelf_listing", &wait));
        // An interrupt before the call has arrived interrupts nothing.
        loop {
            tokio::select! {
                listing = &mut listing => break listing,
                () = tokio::time::sleep(Duration::from_millis(20)) => {
                    interrupter.interrupt().await.unwrap();
                }
            }
        }
    };
    assert_eq!(
        refusals(interrupted),
        ["error: The wait was interrupted (wait_for): never had not come."]
    );
    let listing = provider.data("shelf_listing", &[]).await.unwrap();
    assert_eq!(get(&listing, "names"), &Value::Array(Vec::new()));
    provider.stop().await;
}
