//! Something a connector can do: what it is called, and the code that does it.

use std::{fmt, future::Future, pin::Pin};

use outboard_contracts::connector::{
    arguments::Arguments,
    module::{self, Example},
};
use serde::Serialize;

use super::{
    Context, Fields, Items, OperationError, RawJson, error::error_code, output, pipe::Writer,
};

pub(super) type Outcome = Result<(), OperationError>;

type Work = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// Runs an operation: reads its input, and writes its result where it is waited for.
pub(super) type Run<S> =
    Box<dyn Fn(Context<S>, &Arguments, Writer) -> Result<Work, OperationError> + Send + Sync>;

/// Something a connector can do.
///
/// Its input is a struct that derives [`Fields`](macro@Fields), and its result anything
/// that serializes. A closure or an `async fn` does the work:
///
/// ```
/// use outboard_sdk::connector::{Context, Fields, Operation, OperationError};
/// use outboard_sdk::{Value, json};
///
/// #[derive(Fields)]
/// struct Say {
///     /// What to say.
///     #[field(textarea, required)]
///     text: String,
/// }
///
/// async fn say(_: Context<()>, input: Say) -> Result<Value, OperationError> {
///     Ok(json!({ "said": input.text }))
/// }
///
/// let operation = Operation::new("say", "Say", say).description("Says a text.");
/// ```
#[must_use]
pub struct Operation<S> {
    pub(super) declared: module::Operation,
    pub(super) run: Run<S>,
    pub(super) package_version: Option<&'static str>,
}

impl<S: Send + Sync + 'static> Operation<S> {
    /// An operation that answers with one value.
    pub fn new<I, O, F, Work>(key: &str, name: &str, work: F) -> Operation<S>
    where
        I: Fields,
        O: Serialize,
        F: Fn(Context<S>, I) -> Work + Send + Sync + 'static,
        Work: Future<Output = Result<O, OperationError>> + Send + 'static,
    {
        Operation::made::<I>(
            key,
            name,
            Box::new(move |context, arguments, writer| {
                let work = work(context, read(arguments)?);
                Ok(Box::pin(async move {
                    writer.whole(output::whole(&work.await?)?);
                    Ok(())
                }))
            }),
        )
    }

    /// An operation that answers with a list, which it sends item by item.
    ///
    /// ```
    /// use outboard_sdk::connector::{Context, Items, Operation};
    ///
    /// let operation = Operation::items("count", "Count", |context: Context<()>, (): (), mut items: Items| async move {
    ///     for number in 0..100u64 {
    ///         items.send(&number).await?;
    ///         context.progress(number + 1, 100, "counting");
    ///     }
    ///     Ok(())
    /// });
    /// ```
    pub fn items<I, F, Work>(key: &str, name: &str, work: F) -> Operation<S>
    where
        I: Fields,
        F: Fn(Context<S>, I, Items) -> Work + Send + Sync + 'static,
        Work: Future<Output = Outcome> + Send + 'static,
    {
        Operation::made::<I>(
            key,
            name,
            Box::new(move |context, arguments, writer| {
                let (items, end) = Items::new(writer);
                let work = work(context, read(arguments)?, items);
                Ok(Box::pin(async move {
                    work.await?;
                    end.close().await
                }))
            }),
        )
    }

    /// An operation that answers with JSON which it has as bytes, such as the body of
    /// another answer, and sends piece by piece.
    pub fn raw<I, F, Work>(key: &str, name: &str, work: F) -> Operation<S>
    where
        I: Fields,
        F: Fn(Context<S>, I, RawJson) -> Work + Send + Sync + 'static,
        Work: Future<Output = Outcome> + Send + 'static,
    {
        Operation::made::<I>(
            key,
            name,
            Box::new(move |context, arguments, writer| {
                let work = work(context, read(arguments)?, RawJson::new(writer));
                Ok(Box::pin(work))
            }),
        )
    }

    fn made<I: Fields>(key: &str, name: &str, run: Run<S>) -> Operation<S> {
        Operation {
            declared: module::Operation {
                key: key.to_owned(),
                name: name.to_owned(),
                input: I::fields(),
                ..module::Operation::default()
            },
            run,
            package_version: I::package_version(),
        }
    }
}

/// What people and programs read about it.
impl<S> Operation<S> {
    /// What it does.
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.declared.description = text.into();
        self
    }

    /// What it takes, where its input is [`Arguments`](super::Arguments) and the fields
    /// are known at run time only. They take the place of those of the input's type.
    pub fn input(mut self, fields: impl IntoIterator<Item = super::Field>) -> Self {
        self.declared.input = fields.into_iter().map(Into::into).collect();
        self
    }

    /// It destroys something that cannot be had back. Hosts ask before they call it.
    pub fn destructive(mut self) -> Self {
        self.declared.destructive = true;
        self
    }

    /// It is there for configuring the connector, and pipelines do not call it.
    pub fn config_only(mut self) -> Self {
        self.declared.config_only = true;
        self
    }

    /// A field of the result, and what it means.
    pub fn output_field(mut self, field: impl Into<String>, meaning: impl Into<String>) -> Self {
        self.declared
            .output_shape
            .insert(field.into(), meaning.into());
        self
    }

    /// An input that may hold templates of the host.
    pub fn templateable(mut self, field: impl Into<String>) -> Self {
        self.declared.templateable_fields.push(field.into());
        self
    }

    /// Something about it that surprises.
    pub fn quirk(mut self, text: impl Into<String>) -> Self {
        self.declared.quirks.push(text.into());
        self
    }

    /// A call as an example: its name and its input, as JSON.
    pub fn example(mut self, name: impl Into<String>, body: impl Into<String>) -> Self {
        self.declared.examples.push(Example {
            name: name.into(),
            body: body.into(),
        });
        self
    }

    /// An operation that it is used together with.
    pub fn pair_with(mut self, operation: impl Into<String>) -> Self {
        self.declared.pair_with.push(operation.into());
        self
    }

    /// What goes wrong often.
    pub fn pitfall(mut self, text: impl Into<String>) -> Self {
        self.declared.common_pitfalls.push(text.into());
        self
    }

    /// An input, as JSON.
    pub fn input_sample(mut self, json: impl Into<String>) -> Self {
        self.declared.input_sample = json.into();
        self
    }

    /// A result, as JSON.
    pub fn output_sample(mut self, json: impl Into<String>) -> Self {
        self.declared.output_sample = json.into();
        self
    }
}

fn read<I: Fields>(arguments: &Arguments) -> Result<I, OperationError> {
    I::from_arguments(arguments)
        .map_err(|error| OperationError::coded(error_code::BAD_ARGS, error.to_string()))
}

impl<S> fmt::Debug for Operation<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Operation")
            .field("declared", &self.declared)
            .finish_non_exhaustive()
    }
}
