//! A page of the admin UI, as hosts of the family hand it on.

use serde::{Deserialize, Serialize};

/// One navigation entry and the page behind it.
///
/// The JSON form has the original's field names; empty optional fields are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct UiPageDef {
    /// Unique identifier of the page.
    pub id: String,
    /// What the navigation shows.
    pub label: String,
    /// An emoji or an icon's name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub icon: String,
    /// Which group the entry belongs to: `global`, `workflow`, `plugin` or `tools`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub category: String,
    /// Position in its group, lower first.
    #[serde(skip_serializing_if = "is_zero")]
    pub order: i64,
    /// The least role that may see the page; empty for everybody.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub required_role: String,
    /// The permission that is needed to see the page; empty for none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub required_permission: String,
    /// Where the page's data or files are.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub api_endpoint: String,
    /// A named template to show the page with; empty for none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub template: String,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde passes a reference
fn is_zero(order: &i64) -> bool {
    *order == 0
}
