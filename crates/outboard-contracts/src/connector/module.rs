//! What a connector is: metadata, config fields and operations.
//!
//! The JSON is the original's: Go's field names in PascalCase, a few keys in snake
//! case, `null` for lists that are empty. It is read as Go reads it, so keys match in
//! any case and unknown keys are passed over.

use std::collections::BTreeMap;

use super::go_json::go_struct;

/// What Go prints for a time that was never set; what [`Config::updated_at`] is in a manifest.
pub const ZERO_TIME: &str = "0001-01-01T00:00:00Z";

go_struct! {
    /// A connector, as its `plugin.json` and its `Schema` call describe it.
    #[derive(Default)]
    pub struct Module {
        /// Who it is.
        pub meta: Meta => "Meta",
        /// What is configured once per instance. The values of these fields, and no
        /// others, are what an operation gets as credentials.
        pub configs: Vec<Config> => "Configs" nullable,
        /// Operations in their categories.
        pub operations: Vec<Category> => "Operations" nullable,
        /// How a user signs in to the service, if that is how it works.
        pub oauth: Option<OAuth> => "OAuth",
        /// Whether a session may have config values of its own.
        pub allow_session_config: bool => "AllowSessionConfig",
        /// What users may do with it unless an administrator says otherwise.
        pub default_access: DefaultAccess => "DefaultAccess",
    }
}

impl Module {
    /// Every operation, in the order of the categories.
    pub fn all_operations(&self) -> impl Iterator<Item = &Operation> {
        self.operations
            .iter()
            .flat_map(|category| &category.operations)
    }

    /// The operation of that key. Keys are compared exactly.
    pub fn operation(&self, key: &str) -> Option<&Operation> {
        self.all_operations().find(|operation| operation.key == key)
    }

    /// The config field of that key.
    pub fn config(&self, key: &str) -> Option<&Config> {
        self.configs.iter().find(|config| config.key == key)
    }
}

go_struct! {
    /// Who a connector is.
    #[derive(Default)]
    pub struct Meta {
        /// Its key: directories, archives and URLs are named by it; see
        /// [`validate_key`](super::validate_key).
        pub key: String => "Key",
        /// Its name for people.
        pub name: String => "Name",
        /// What it is for.
        pub description: String => "Description",
        /// An emoji or the name of an icon.
        pub icon: String => "Icon",
        /// Whether it has exactly one instance, that always exists.
        pub fixed: bool => "Fixed",
        /// Whether its operations may change while it runs.
        pub live_catalog: bool => "LiveCatalog",
        /// What it is filed under.
        pub default_tags: Vec<Tag> => "DefaultTags" nullable,
    }
}

go_struct! {
    /// A word that connectors are filed under.
    #[derive(Default)]
    pub struct Tag {
        /// The word.
        pub name: String => "Name",
        /// What it means.
        pub description: String => "Description",
        /// Whether it is the heading of a group.
        pub is_group: bool => "IsGroup",
        /// Whether lists can be filtered by it.
        pub is_filter: bool => "IsFilter",
        /// Whether it belongs to the system.
        pub is_system: bool => "IsSystem",
        /// Where it stands among others.
        pub sort_order: i64 => "SortOrder",
    }
}

go_struct! {
    /// A field that people fill in: of a connector's config, or of an operation's input.
    pub struct Config {
        /// Who keeps the value; empty in a manifest.
        pub owner: String => "Owner",
        /// The field's key.
        pub key: String => "Key",
        /// Its value, in a manifest its default.
        pub value: String => "Value",
        /// The widget it is edited with; see [`Widget`].
        pub widget: String => "Type",
        /// What the widget needs: choices `a|b`, columns, the source of a picker.
        pub options: String => "Options",
        /// Whether the value is a secret: encrypted at rest and masked.
        pub is_secret: bool => "IsSecret",
        /// Whether a new value can be generated.
        pub can_regenerate: bool => "CanRegenerate",
        /// Whether people may not change it.
        pub locked: bool => "Locked",
        /// Whether it must have a value.
        pub required: bool => "Required",
        /// What it is.
        pub description: String => "Description",
        /// When it was changed, in RFC 3339; [`ZERO_TIME`] in a manifest.
        pub updated_at: String => "UpdatedAt",
        /// Whether it is not shown.
        pub hidden: bool => "hidden" omitempty,
        /// Per column of a `kvlist`, what it offers: `value::label`, separated by `|`.
        pub column_options: BTreeMap<String, String> => "col_options" omitempty,
        /// `key:value` of the field that must have that value for this one to be shown.
        pub visible_when: String => "visible_when" omitempty,
        /// The heading under which it stands.
        pub group: String => "group" omitempty,
        /// `fixed`: always literal; `expression`: always an expression.
        pub mode: String => "mode" omitempty,
        /// The environment variable whose value wins.
        pub env_override: String => "env_override" omitempty,
    }
}

impl Default for Config {
    fn default() -> Config {
        Config {
            owner: String::new(),
            key: String::new(),
            value: String::new(),
            widget: String::new(),
            options: String::new(),
            is_secret: false,
            can_regenerate: false,
            locked: false,
            required: false,
            description: String::new(),
            updated_at: ZERO_TIME.to_owned(),
            hidden: false,
            column_options: BTreeMap::new(),
            visible_when: String::new(),
            group: String::new(),
            mode: String::new(),
            env_override: String::new(),
        }
    }
}

/// The widgets that the original has, as [`Config::widget`] names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Widget {
    /// One line.
    Text,
    /// Several lines.
    Textarea,
    /// One of [`Config::options`], separated by `|`.
    Dropdown,
    /// Rows of the columns in [`Config::options`].
    KeyValueList,
    /// Chosen from the source in [`Config::options`].
    Picker,
    /// An e-mail address.
    Email,
    /// A URL.
    Url,
    /// A colour, `#rrggbb`.
    Color,
    /// A date, `2026-01-31`.
    Date,
    /// A date and a time.
    DateTime,
    /// A number.
    Number,
    /// `true` or `false`.
    Checkbox,
    /// One line that is not shown.
    Secret,
}

impl Widget {
    /// Every widget.
    pub const ALL: [Widget; 13] = [
        Widget::Text,
        Widget::Textarea,
        Widget::Dropdown,
        Widget::KeyValueList,
        Widget::Picker,
        Widget::Email,
        Widget::Url,
        Widget::Color,
        Widget::Date,
        Widget::DateTime,
        Widget::Number,
        Widget::Checkbox,
        Widget::Secret,
    ];

    /// The word for it in [`Config::widget`].
    pub fn as_str(self) -> &'static str {
        match self {
            Widget::Text => "text",
            Widget::Textarea => "textarea",
            Widget::Dropdown => "dropdown",
            Widget::KeyValueList => "kvlist",
            Widget::Picker => "picker",
            Widget::Email => "email",
            Widget::Url => "url",
            Widget::Color => "color",
            Widget::Date => "date",
            Widget::DateTime => "datetime",
            Widget::Number => "number",
            Widget::Checkbox => "checkbox",
            Widget::Secret => "secret",
        }
    }

    /// The widget of that word. One that is not known is a line of text, and `bool`
    /// and `boolean` are a checkbox, as in the original.
    pub fn named(word: &str) -> Widget {
        match word {
            "bool" | "boolean" => Widget::Checkbox,
            _ => Widget::ALL
                .into_iter()
                .find(|widget| widget.as_str() == word)
                .unwrap_or(Widget::Text),
        }
    }
}

go_struct! {
    /// Operations under one heading.
    #[derive(Default)]
    pub struct Category {
        /// The heading.
        pub title: String => "Title",
        /// What they have in common.
        pub description: String => "Description",
        /// The operations.
        pub operations: Vec<Operation> => "Ops" nullable,
    }
}

go_struct! {
    /// Something a connector can do.
    #[derive(Default)]
    pub struct Operation {
        /// Its key, unique in the connector.
        pub key: String => "Key",
        /// Its name for people.
        pub name: String => "Name",
        /// What it does.
        pub description: String => "Description",
        /// What it takes.
        pub input: Vec<Config> => "Input" nullable,
        /// Whether it destroys something that cannot be had back.
        pub destructive: bool => "Destructive",
        /// Whether it is there for configuring the connector and not for pipelines.
        /// Since v0.33.0 of the original.
        pub config_only: bool => "ConfigOnly" omitempty,
        /// The fields of the result, with what each means.
        pub output_shape: BTreeMap<String, String> => "output_shape" omitempty,
        /// The inputs that may hold templates.
        pub templateable_fields: Vec<String> => "templateable_fields" omitempty,
        /// What surprises.
        pub quirks: Vec<String> => "quirks" omitempty,
        /// Calls as examples.
        pub examples: Vec<Example> => "examples" omitempty,
        /// Operations that it is used together with.
        pub pair_with: Vec<String> => "pair_with" omitempty,
        /// What goes wrong often.
        pub common_pitfalls: Vec<String> => "common_pitfalls" omitempty,
        /// An input, as JSON.
        pub input_sample: String => "input_sample" omitempty,
        /// A result, as JSON.
        pub output_sample: String => "output_sample" omitempty,
    }
}

go_struct! {
    /// A call as an example.
    #[derive(Default)]
    pub struct Example {
        /// What it shows.
        pub name: String => "name",
        /// The input, as JSON.
        pub body: String => "body",
    }
}

go_struct! {
    /// How a user signs in to the service behind a connector, with OAuth 2.
    #[derive(Default)]
    pub struct OAuth {
        /// Where the user is sent.
        pub authorize_url: String => "AuthorizeURL",
        /// Where a code becomes a token.
        pub token_url: String => "TokenURL",
        /// More parameters for the first.
        pub extra_params: BTreeMap<String, String> => "ExtraParams" nullable,
        /// What is asked for, separated by spaces.
        pub scopes: String => "Scopes",
        /// The service's name on the button.
        pub display_name: String => "DisplayName",
        /// Its icon.
        pub icon: String => "Icon",
    }
}

go_struct! {
    /// What users may do with a connector unless an administrator says otherwise.
    #[derive(Default)]
    pub struct DefaultAccess {
        /// Whether users sign in by themselves.
        pub enable_sso: bool => "EnableSSO",
        /// Whether others than the owner may do so.
        pub allow_others_connect_sso: bool => "AllowOthersConnectSSO",
        /// Whether one user may have several accounts.
        pub multi_account: bool => "MultiAccount",
        /// Whether others than the owner may change the config.
        pub allow_others_configure: bool => "AllowOthersConfigure",
    }
}
