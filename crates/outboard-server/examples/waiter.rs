//! A connector for the tests of the server: it takes orders, waits, fails and dies.

use std::{process::ExitCode, time::Duration};

use outboard_sdk::{
    Value,
    connector::{
        self, Connector, Context, Fields, Health, Identity, OAuth, Operation, OperationError,
        Permission, Secret, Tag,
    },
    json,
};

fn main() -> ExitCode {
    connector::serve(
        Connector::new("waiter", "Waiter")
            .description("Takes orders <politely>")
            .tag(tag("Connector"))
            .tag(tag("Food"))
            .oauth(OAuth {
                authorize_url: "http://127.0.0.1:9/authorize".to_owned(),
                token_url: "http://127.0.0.1:9/token".to_owned(),
                ..OAuth::default()
            })
            .category(
                "Table",
                "What guests ask for.",
                [
                    Operation::new("order", "Order", order).description("Orders a dish."),
                    Operation::new("menu", "Menu", menu).description("All dishes."),
                    Operation::new("smash", "Smash", menu)
                        .description("Breaks the dishes.")
                        .destructive(),
                ],
            )
            .category(
                "Trouble",
                "What goes wrong.",
                [
                    Operation::new("wait", "Wait", wait),
                    Operation::new("fail", "Fail", fail),
                    Operation::new("die", "Die", die),
                    Operation::new("weigh", "Weigh", weigh),
                    Operation::new("feast", "Feast", feast).description("Many dishes."),
                    Operation::new("trace", "Trace", trace),
                ],
            )
            .permissions(|_| async {
                Ok(vec![
                    Permission::granted("order"),
                    Permission::denied("smash", "not with this key"),
                ])
            })
            .health(|| async { Health::healthy().detail("on my feet") })
            .identity(|_| async { Ok(Identity::new("u1", "Ada")) }),
    )
}

fn tag(name: &str) -> Tag {
    Tag {
        name: name.to_owned(),
        ..Tag::default()
    }
}

#[derive(Fields)]
struct Settings {
    /// Which table.
    #[field(required)]
    table: String,
    /// What opens the kitchen.
    pin: Secret,
}

#[derive(Fields)]
struct Order {
    /// What to eat.
    #[field(required)]
    dish: String,
    /// How many of it.
    #[field(default = 1)]
    times: u32,
}

async fn order(context: Context<Settings>, input: Order) -> Result<Value, OperationError> {
    context.progress(1, 2, "cooking");
    Ok(json!({
        "dish": input.dish,
        "times": input.times,
        "table": context.settings().table,
        "has_pin": !context.settings().pin.is_empty(),
        "request_id": context.request_id(),
    }))
}

async fn menu(_: Context<Settings>, (): ()) -> Result<Value, OperationError> {
    Ok(json!(["soup", "bread"]))
}

#[derive(Fields)]
struct Gate {
    /// A file that ends the waiting.
    #[field(required)]
    gate: String,
}

/// Waits for a file, and leaves others that say what became of it.
async fn wait(context: Context<Settings>, Gate { gate }: Gate) -> Result<Value, OperationError> {
    let note = |what: &str| {
        std::fs::write(format!("{gate}.{what}"), "")
            .map_err(|error| OperationError::new(error.to_string()))
    };
    context.progress(1, 3, "waiting");
    note("waiting")?;
    while !std::fs::exists(&gate).unwrap_or(false) {
        if context.is_cancelled() {
            note("cancelled")?;
            return Err(OperationError::new("nobody waits any more"));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(json!({ "waited": true }))
}

async fn fail(context: Context<Settings>, (): ()) -> Result<Value, OperationError> {
    let pin = context.settings().pin.reveal().to_owned();
    Err(OperationError::new(format!("no soup for {pin}")).with_code("out_of_soup"))
}

async fn die(_: Context<Settings>, (): ()) -> Result<Value, OperationError> {
    eprintln!("[ERROR] the tray fell");
    std::process::exit(7)
}

async fn trace(context: Context<Settings>, (): ()) -> Result<Value, OperationError> {
    // It waits, so that it goes on in a task of its own.
    tokio::task::yield_now().await;
    let here = outboard_sdk::trace::current();
    Ok(json!({
        "parent": context.trace().map(|trace| trace.traceparent()),
        "same": context.trace() == here.as_ref(),
    }))
}

#[derive(Fields)]
struct Load {
    /// Anything.
    #[field(textarea)]
    what: String,
}

async fn weigh(_: Context<Settings>, Load { what }: Load) -> Result<Value, OperationError> {
    Ok(json!({ "bytes": what.len() }))
}

#[derive(Fields)]
struct Feast {
    /// How many dishes.
    #[field(default = 3)]
    dishes: u32,
    /// How they are made.
    #[field(dropdown = "mild|hot")]
    spice: Option<String>,
    /// Whether there is bread with it.
    bread: Option<bool>,
    /// What only the cook knows.
    recipe: Secret,
}

async fn feast(_: Context<Settings>, feast: Feast) -> Result<Value, OperationError> {
    let dishes: Vec<Value> = (0..feast.dishes)
        .map(|number| json!({ "number": number, "dish": format!("dish {number}") }))
        .collect();
    Ok(json!({
        "dishes": dishes,
        "spice": feast.spice,
        "bread": feast.bread,
        "has_recipe": !feast.recipe.is_empty(),
    }))
}
