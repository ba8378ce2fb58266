//! What a browser sent of a form.

/// The names and values of a form, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Submitted(Vec<(String, String)>);

impl Submitted {
    /// Names and values as they were decoded.
    pub(crate) fn new(pairs: Vec<(String, String)>) -> Submitted {
        Submitted(pairs)
    }

    /// The value of that name; of several the last.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let mut from_the_end = self.0.iter().rev();
        from_the_end
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The same, without the spaces around it; `None` if nothing is left.
    pub(crate) fn word(&self, name: &str) -> Option<&str> {
        self.get(name)
            .map(str::trim)
            .filter(|word| !word.is_empty())
    }

    /// Whether a box of that name was ticked.
    pub(crate) fn is_ticked(&self, name: &str) -> bool {
        self.get(name)
            .is_some_and(|value| !matches!(value, "" | "0" | "false" | "off"))
    }
}
