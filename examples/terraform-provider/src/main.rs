//! Example: makes a file with a Terraform provider, as `terraform apply` would.

use std::{env::args, error::Error, process::ExitCode};

use terraform_provider::{Provider, provider::find};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let usage = "usage: terraform-provider PROVIDER DIRECTORY";
    let provider = args().nth(1).ok_or(usage)?;
    let directory = args().nth(2).ok_or(usage)?;

    let mut provider = Provider::start(&find(&provider)?).await?;
    print!("{}", provider.schemas());
    provider
        .configure(&[("directory", directory.into())])
        .await?;

    let config = [("name", "greeting.txt".into()), ("content", "hello".into())];
    for warning in provider.validate("shelf_file", &config).await? {
        println!("{warning}");
    }
    let plan = provider.plan("shelf_file", None, &config).await?;
    print!("plan: {plan}");
    if let Some(state) = provider.apply(plan).await? {
        print!("applied: {state}");
        match provider.read(state).await? {
            Some(state) => print!("read: {state}"),
            None => println!("read: it is gone"),
        }
    }
    println!("{}", provider.stop().await);
    Ok(())
}
