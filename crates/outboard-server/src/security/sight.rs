//! Who sees a page that a plugin brings: `requiredRole` and `requiredPermission` are
//! read here and nowhere else, for navigation, manifests, assets, frames and APIs alike.

use outboard_contracts::ui::UiPageDef;

use super::{Permission, Principal, Role};

impl Principal {
    /// Whether a page with these two words is for this caller; empty words ask nothing.
    ///
    /// A word that is no role, or cannot be a permission, was meant to keep somebody out:
    /// only an admin gets past it.
    pub fn sees(&self, required_role: &str, required_permission: &str) -> bool {
        let role = match required_role {
            "" => true,
            word => self.has_role(word.parse().unwrap_or(Role::Admin)),
        };
        let permission = match required_permission {
            "" => true,
            word => match Permission::parse(word) {
                Some(permission) => self.may(&permission),
                None => self.has_role(Role::Admin),
            },
        };
        role && permission
    }

    /// Whether a page is for this caller.
    pub fn sees_page(&self, page: &UiPageDef) -> bool {
        self.sees(&page.required_role, &page.required_permission)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::security::Via;

    fn of(role: Role) -> Principal {
        Principal {
            role: Some(role),
            via: Via::Token,
            ..Principal::anonymous()
        }
    }

    #[test]
    fn a_page_needs_its_role_and_its_permission_both() {
        let mut viewer = of(Role::Viewer);
        assert!(viewer.sees("", ""));
        assert!(viewer.sees("viewer", "plugins.read"));
        assert!(!viewer.sees("editor", ""));
        assert!(!viewer.sees("", "reports.see"));
        viewer.permissions.extend(Permission::parse("reports.see"));
        assert!(viewer.sees("viewer", "reports.see"));
        assert!(!viewer.sees("editor", "reports.see"));
        assert!(of(Role::Admin).sees("operator", "anything.else"));
    }

    #[test]
    fn a_word_that_nobody_knows_keeps_all_but_admins_out() {
        for (role, permission) in [("owner", ""), ("Viewer", ""), ("", "Not A Word")] {
            assert!(!of(Role::Operator).sees(role, permission));
            assert!(of(Role::Admin).sees(role, permission));
        }
    }
}
