//! Pages of a list that is sorted by something unique.

use serde::Deserialize;

/// How many items a page has if nobody says how many, and how many it may have.
const PAGE: usize = 50;
const MAX_PAGE: usize = 500;

/// Which page.
#[derive(Debug, Default, Deserialize)]
pub(super) struct PageQuery {
    #[serde(default)]
    limit: Option<usize>,
    #[serde(default)]
    cursor: Option<String>,
}

impl PageQuery {
    pub(super) fn new(limit: Option<usize>, cursor: Option<String>) -> PageQuery {
        PageQuery { limit, cursor }
    }

    /// The page, and the cursor of the next one if there is more. A cursor is the last
    /// item's own word: what comes and goes shifts nothing.
    pub(super) fn of<T>(
        &self,
        mut items: Vec<T>,
        word: impl Fn(&T) -> &str,
    ) -> (Vec<T>, Option<String>) {
        items.sort_by(|one, other| word(one).cmp(word(other)));
        if let Some(cursor) = &self.cursor {
            items.retain(|item| word(item) > cursor.as_str());
        }
        let limit = self.limit.unwrap_or(PAGE).clamp(1, MAX_PAGE);
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items
            .last()
            .filter(|_| more)
            .map(|item| word(item).to_owned());
        (items, next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(limit: usize, cursor: Option<&str>) -> (Vec<&'static str>, Option<String>) {
        PageQuery::new(Some(limit), cursor.map(str::to_owned))
            .of(vec!["c", "a", "d", "b"], |word| word)
    }

    #[test]
    fn pages_follow_each_other_to_the_end() {
        assert_eq!(page(2, None), (vec!["a", "b"], Some("b".to_owned())));
        assert_eq!(page(2, Some("b")), (vec!["c", "d"], None));
        assert_eq!(page(0, Some("d")), (vec![], None));
        assert_eq!(
            page(0, None),
            (vec!["a"], Some("a".to_owned())),
            "at least one"
        );
    }

    #[test]
    fn a_cursor_of_something_that_is_gone_still_leads_on() {
        assert_eq!(page(9, Some("bb")), (vec!["c", "d"], None));
    }
}
