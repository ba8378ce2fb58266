//! The command line: what can be typed.

pub(crate) mod connector;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Run plugins outside your process, in any language
#[derive(Debug, Parser)]
#[command(
    name = "outboard",
    version,
    propagate_version = true,
    max_term_width = 100
)]
#[command(
    after_help = "Examples:\n  outboard serve --dev\n  outboard plugin list --json\n\n\
    Exit codes: 0 done, 1 failed, 2 wrong use, 3 not found, 4 refused by policy"
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Print one JSON object or array instead of text; an error is {"error":{…}}
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Say more in the log; twice for everything. RUST_LOG goes before it
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Form of the log on standard error: text or json
    #[arg(long, global = true, value_name = "FORMAT")]
    pub(crate) log_format: Option<String>,
    /// Settings file, instead of ./outboard.toml or the one in your config directory
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// State, plugins and keys [default: outboard in the XDG data directory]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Plugins, if not in the data directory
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) plugins_dir: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the engine, the plugins and the HTTP API until SIGTERM or Ctrl-C
    #[command(after_help = "Examples:\n  outboard serve --dev\n  \
        outboard serve --workflow restock.yaml --addr 127.0.0.1:9000")]
    Serve(ServeArgs),
    /// Run one pipeline of a workflow file once; the result goes to standard output as JSON
    #[command(
        after_help = "Examples:\n  outboard run restock.yaml --input '{\"path\": \"orders.json\"}'\n  \
        outboard run flows.yaml --pipeline restock --input @order.json"
    )]
    Run(RunArgs),
    /// Find every problem in a workflow file, without starting anything
    #[command(
        after_help = "Examples:\n  outboard check restock.yaml\n  outboard check restock.yaml --json"
    )]
    Check(CheckArgs),
    /// Look at, load and reload plugins
    #[command(
        subcommand,
        after_help = "Examples:\n  outboard plugin list\n  outboard plugin load kv"
    )]
    Plugin(PluginCommand),
    /// Look at, load and reload pages that plugins add to the admin UI
    #[command(
        subcommand,
        after_help = "Examples:\n  outboard ui list\n  outboard ui reload reports"
    )]
    Ui(UiCommand),
    /// Build, install, configure and call connectors
    #[command(
        subcommand,
        after_help = "Examples:\n  outboard connector install weather\n  \
        outboard connector call weather today --input '{\"city\": \"Bern\"}'"
    )]
    Connector(connector::ConnectorCommand),
    /// List and call tools: packages whose operations need no service
    #[command(
        subcommand,
        after_help = "Examples:\n  outboard tool list\n  outboard tool call checksum sha256 \
        --input '{\"text\": \"a\"}'"
    )]
    Tool(connector::KindCommand),
    /// List and call jobs: packages whose operations are run, not answered
    #[command(
        subcommand,
        after_help = "Examples:\n  outboard job list\n  outboard job call report run"
    )]
    Job(connector::KindCommand),
    /// Make, list and revoke tokens: who may call the server, and what
    #[command(
        subcommand,
        after_help = "Examples:\n  outboard token create ci --role operator --expires-in 30d\n  \
        outboard token list"
    )]
    Token(TokenCommand),
    /// Open the running server's pages in the browser, signed in
    #[command(
        long_about = "Open the running server's pages in the browser, signed in\n\n\
        The link works once, for two minutes, with all rights of the user who runs the server.",
        after_help = "Examples:\n  outboard open\n  outboard open --print"
    )]
    Open {
        /// Only print the link
        #[arg(long)]
        print: bool,
    },
    /// What this machine offers, and what is wrong with it
    #[command(after_help = "Examples:\n  outboard doctor\n  outboard doctor --json")]
    Doctor,
    /// Settings
    #[command(
        subcommand,
        after_help = "Examples:\n  outboard config show\n  outboard config show --json"
    )]
    Config(ConfigCommand),
    /// Print completions for a shell
    #[command(after_help = "Examples:\n  outboard completions bash > \
        ~/.local/share/bash-completion/completions/outboard\n  outboard completions zsh > \
        ~/.zfunc/_outboard")]
    Completions {
        /// bash, elvish, fish, powershell or zsh
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// The settings in effect, and where each came from
    #[command(after_help = "Examples:\n  outboard config show\n  \
        OUTBOARD_ADDR=127.0.0.1:9000 outboard config show addr")]
    Show {
        /// Print the value of this one alone
        setting: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token; it goes to standard output, and is never shown again
    #[command(
        after_help = "Examples:\n  outboard token create ci --role operator --expires-in 30d\n  \
        outboard token create wallboard --role viewer --permission pipelines.run --json"
    )]
    Create(TokenArgs),
    /// The tokens that are not revoked
    #[command(after_help = "Examples:\n  outboard token list\n  outboard token list --json")]
    List,
    /// End a token, and all sessions of browsers that signed in with it
    #[command(
        after_help = "Examples:\n  outboard token revoke ci\n  outboard token revoke tok_52cb1f…"
    )]
    Revoke {
        /// Its id or its name
        token: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct TokenArgs {
    /// For people; no two tokens that can be used have the same
    pub(crate) name: String,
    /// viewer sees, editor also runs and calls, operator also loads and installs, admin may
    /// everything
    #[arg(long)]
    pub(crate) role: outboard_server::Role,
    /// What it may do besides, such as plugins.manage; may be given several times
    #[arg(long = "permission", value_name = "PERMISSION")]
    pub(crate) permissions: Vec<String>,
    /// For how long it can be used, such as 12h or 30d [default: for ever]
    #[arg(long, value_name = "DURATION")]
    pub(crate) expires_in: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PluginCommand {
    /// Write a new plugin in Rust, ready to build
    #[command(after_help = "Examples:\n  outboard plugin new word-count\n  \
        outboard plugin new word-count --sdk-path ../outboard/crates/outboard-sdk")]
    New(NewArgs),
    /// The plugins that are there, and which of them run
    #[command(after_help = "Examples:\n  outboard plugin list\n  \
        outboard plugin list --json --data-dir /srv/outboard")]
    List,
    /// All there is to know about one plugin
    #[command(
        after_help = "Examples:\n  outboard plugin show kv\n  outboard plugin show kv --json"
    )]
    Show(NameArgs),
    /// Start a plugin in the running server
    #[command(
        after_help = "Examples:\n  outboard plugin load kv\n  outboard plugin load kv --json"
    )]
    Load(NameArgs),
    /// Stop a plugin in the running server
    #[command(after_help = "Examples:\n  outboard plugin unload kv\n  \
        outboard plugin unload kv --force")]
    Unload(UnloadArgs),
    /// Replace a plugin's process; the old one serves until the new one is ready
    #[command(after_help = "Examples:\n  outboard plugin reload kv\n  \
        outboard plugin reload kv --json")]
    Reload(NameArgs),
    /// What a plugin said
    #[command(
        after_help = "Examples:\n  outboard plugin logs kv\n  outboard plugin logs kv -f -n 20"
    )]
    Logs(LogsArgs),
}

#[derive(Debug, Subcommand)]
pub(crate) enum UiCommand {
    /// Write a new page, ready to load: ui.json, HTML, a style and a script
    #[command(after_help = "Examples:\n  outboard ui new reports\n  \
        outboard ui new reports --path \"$(outboard config show plugins_dir)/reports\"")]
    New(UiNewArgs),
    /// The UI plugins that are there, and which of them are loaded
    #[command(after_help = "Examples:\n  outboard ui list\n  \
        outboard ui list --json --data-dir /srv/outboard")]
    List,
    /// All there is to know about one UI plugin
    #[command(
        after_help = "Examples:\n  outboard ui show reports\n  outboard ui show reports --json"
    )]
    Show(NameArgs),
    /// Show a plugin's pages in the running server
    #[command(
        after_help = "Examples:\n  outboard ui load reports\n  outboard ui load reports --json"
    )]
    Load(NameArgs),
    /// Take a plugin's pages away; its program, if it has one, runs on
    #[command(after_help = "Examples:\n  outboard ui unload reports\n  \
        outboard ui unload reports --json")]
    Unload(NameArgs),
    /// Take a plugin's new files, and its new program if it runs, as one
    #[command(after_help = "Examples:\n  outboard ui reload reports\n  \
        outboard ui reload reports --json")]
    Reload(NameArgs),
}

#[derive(Debug, Args)]
pub(crate) struct UiNewArgs {
    /// Lower case letters, digits and hyphens
    pub(crate) name: String,
    /// Where to write it [default: a directory of that name]
    #[arg(long, value_name = "DIR")]
    pub(crate) path: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct NameArgs {
    /// The plugin's name: that of its directory
    pub(crate) name: String,
}

#[derive(Debug, Args)]
pub(crate) struct UnloadArgs {
    /// The plugin's name: that of its directory
    pub(crate) name: String,
    /// Also if modules or running pipelines use it
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    /// The plugin's name: that of its directory
    pub(crate) name: String,
    /// Go on with new lines as they come, and tell how a process ends
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// How many of the last lines
    #[arg(short = 'n', long, default_value_t = 100, value_name = "COUNT")]
    pub(crate) lines: usize,
}

#[derive(Debug, Args)]
pub(crate) struct NewArgs {
    /// Lower case letters, digits and hyphens
    pub(crate) name: String,
    /// Where to write it [default: a directory of that name]
    #[arg(long, value_name = "DIR")]
    pub(crate) path: Option<PathBuf>,
    /// Use the SDK at this path instead of a released one
    #[arg(long, value_name = "DIR")]
    pub(crate) sdk_path: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Where to listen [default: 127.0.0.1:7400]; port 0 takes any free one
    #[arg(long, value_name = "ADDRESS")]
    addr: Option<String>,
    /// The workflow file to run
    #[arg(long, value_name = "FILE")]
    workflow: Option<PathBuf>,
    /// Ask for no token; listens on this machine alone
    #[arg(long)]
    dev: bool,
    /// Listen beyond this machine, in plain text
    #[arg(long)]
    allow_remote: bool,
    /// Speak TLS, with this certificate and those above it in PEM form
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// The certificate's key, in PEM form
    #[arg(long, value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// What running calls get at a stop [default: 30s]
    #[arg(long, value_name = "DURATION")]
    drain_timeout: Option<String>,
}

impl ServeArgs {
    /// Those that were given, as settings.
    pub(crate) fn settings(&self) -> Vec<(&'static str, Option<String>)> {
        let switch = |on: bool| on.then(|| "true".to_owned());
        let path = |path: &Option<PathBuf>| {
            let path = path.as_ref();
            path.map(|path| path.to_string_lossy().into_owned())
        };
        vec![
            ("addr", self.addr.clone()),
            ("workflow", path(&self.workflow)),
            ("tls_cert", path(&self.tls_cert)),
            ("tls_key", path(&self.tls_key)),
            ("dev", switch(self.dev)),
            ("allow_remote", switch(self.allow_remote)),
            ("drain_timeout", self.drain_timeout.clone()),
        ]
    }
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The workflow file
    pub(crate) file: PathBuf,
    /// Which pipeline, if the file has several
    #[arg(long, value_name = "NAME")]
    pub(crate) pipeline: Option<String>,
    /// What to run it with: JSON, @FILE, or - for standard input
    #[arg(long, value_name = "INPUT")]
    pub(crate) input: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The workflow file
    pub(crate) file: PathBuf,
}
