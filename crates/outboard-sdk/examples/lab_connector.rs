//! A connector for the SDK's own tests, as a process of its own. For a connector to learn
//! from, see `examples/rest-connector` of the repository.

use std::{process::ExitCode, time::Duration};

use outboard_sdk::{
    connector::{self, Connector, Context, Fields, Operation},
    json, tracing,
};

ctor::declarative::ctor! {
    /// A dependency that prints when the program is loaded, long before `main`.
    #[ctor(unsafe)]
    fn print_at_load_time() {
        if std::env::var_os("LAB_PRINTS").is_some() {
            println!("a stray line at load time");
        }
    }
}

#[derive(Fields)]
struct Settings {
    /// Anything.
    #[field(secret)]
    key: String,
}

#[derive(Fields)]
struct Echo {
    text: String,
}

fn lab() -> Connector<Settings> {
    let echo = |context: Context<Settings>, input: Echo| async move {
        println!("a stray line");
        tracing::info!(request_id = context.request_id(), "echoed");
        Ok(json!({ "text": input.text, "key": context.settings().key }))
    };
    let slow = |context: Context<Settings>, (): ()| async move {
        context.progress(1, 2, "working");
        tokio::time::sleep(Duration::from_millis(300)).await;
        Ok("done")
    };
    let forever = |context: Context<Settings>, (): ()| async move {
        context.progress(0, 0, "working");
        std::future::pending::<()>().await;
        Ok(())
    };
    let panic = |_: Context<Settings>, (): ()| async move {
        assert!(std::env::args().count() > 1000, "out of order");
        Ok(())
    };
    let connector = Connector::new("lab", "Lab")
        .category(
            "Work",
            "",
            [
                Operation::new("echo", "Echo", echo),
                Operation::new("slow", "Slow", slow),
                Operation::new("forever", "Forever", forever),
                Operation::new("panic", "Panic", panic),
            ],
        )
        .on_shutdown(|| async { tracing::warn!(lamp = 7, "the lamp is out") });
    if std::env::var_os("LAB_IS_BROKEN").is_some() {
        let echo = |_: Context<Settings>, (): ()| async { Ok(()) };
        return connector.category("More", "", [Operation::new("echo", "Echo", echo)]);
    }
    connector
}

fn main() -> ExitCode {
    connector::serve(lab())
}
