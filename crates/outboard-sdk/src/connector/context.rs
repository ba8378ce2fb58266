//! What an operation knows of the call that it answers.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use outboard_contracts::connector::{arguments::Arguments, module::Config};
use outboard_go_plugin::trace::{self, TraceContext};

use super::{
    mask::Masker,
    pipe::{Progress, Writer},
};

/// The longest message of a [`Context::progress`], in bytes; more is cut off.
pub const MAX_PROGRESS_MESSAGE_BYTES: usize = 1024;

/// The call that an operation answers, with the settings of the instance that was called.
///
/// Clones are the same call. Its debug output shows no settings.
pub struct Context<S>(Arc<Call<S>>);

struct Call<S> {
    settings: S,
    /// Shared with the connector, which made them once.
    fields: Arc<[Config]>,
    credentials: Arguments,
    operation: String,
    request_id: String,
    session_id: String,
    trace: Option<TraceContext>,
    masker: OnceLock<Masker>,
    writer: Writer,
}

/// What identifies a call.
pub(super) struct Ids {
    pub(super) operation: String,
    pub(super) request_id: String,
    pub(super) session_id: String,
}

impl<S> Context<S> {
    pub(super) fn new(
        settings: S,
        fields: Arc<[Config]>,
        credentials: Arguments,
        ids: Ids,
        writer: Writer,
    ) -> Context<S> {
        Context(Arc::new(Call {
            settings,
            fields,
            credentials,
            operation: ids.operation,
            request_id: ids.request_id,
            session_id: ids.session_id,
            trace: trace::current(),
            masker: OnceLock::new(),
            writer,
        }))
    }

    /// The settings of the instance.
    pub fn settings(&self) -> &S {
        &self.0.settings
    }

    /// A value that came with the settings, also one that they do not declare.
    pub fn credential(&self, key: &str) -> Option<&str> {
        self.0.credentials.get(key).map(String::as_str)
    }

    /// The access token of the user, where the connector has
    /// [OAuth](super::Connector::oauth) and the user has signed in.
    pub fn access_token(&self) -> Option<&str> {
        self.credential("access_token")
            .filter(|token| !token.is_empty())
    }

    /// The key of the operation; empty in a permission check.
    pub fn operation(&self) -> &str {
        &self.0.operation
    }

    /// What the host calls this call, for logs at both ends; empty if it has no name.
    pub fn request_id(&self) -> &str {
        &self.0.request_id
    }

    /// What the host calls the session that the call belongs to; empty if it has no name.
    pub fn session_id(&self) -> &str {
        &self.0.session_id
    }

    /// The trace that the call belongs to, where the host knows one. It is also the
    /// [current](crate::trace::current) one of the operation's own task.
    pub fn trace(&self) -> Option<&TraceContext> {
        self.0.trace.as_ref()
    }

    /// Says how far the operation is: `done` of `total`, 0 for a total that is not known,
    /// and what is being done. Secrets in `message` are masked, and it is cut at
    /// [`MAX_PROGRESS_MESSAGE_BYTES`].
    ///
    /// It reaches hosts that called the operation as a stream and read progress, which the
    /// original's do not. It never waits, and a newer progress takes the place of an
    /// older one that was not sent yet, so an operation may call it as often as it likes.
    pub fn progress(&self, done: u64, total: u64, message: impl AsRef<str>) {
        let mut message = self.mask(message.as_ref());
        message.truncate(message.floor_char_boundary(MAX_PROGRESS_MESSAGE_BYTES));
        self.0.writer.progress(Progress::new(done, total, message));
    }

    /// Whether nobody waits for the result any more: the caller went away, or its deadline
    /// passed. Blocking code looks at it now and then.
    pub fn is_cancelled(&self) -> bool {
        self.0.writer.is_gone()
    }

    /// Waits until nobody waits for the result any more. The operation has one second from
    /// then to tidy up; after that it is dropped where it waits.
    pub async fn cancelled(&self) {
        self.0.writer.gone().await;
    }

    /// `text` with `***` in place of every secret of the settings, also of those in URLs
    /// and in JSON. Secrets of fewer than four bytes stay, because they are in too many
    /// words. Errors and progress are masked without asking.
    pub fn mask(&self, text: &str) -> String {
        let Call {
            fields,
            credentials,
            masker,
            ..
        } = &*self.0;
        masker
            .get_or_init(|| Masker::new(fields, credentials))
            .mask(text)
    }
}

impl<S> Clone for Context<S> {
    fn clone(&self) -> Self {
        Context(self.0.clone())
    }
}

impl<S> fmt::Debug for Context<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Context")
            .field("operation", &self.operation())
            .field("request_id", &self.request_id())
            .field("session_id", &self.session_id())
            .field("cancelled", &self.is_cancelled())
            .finish_non_exhaustive()
    }
}
