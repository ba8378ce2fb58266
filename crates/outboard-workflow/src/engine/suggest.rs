//! The known name that is spelled most like an unknown one.

/// The candidate nearest to `name`, if one is near enough to be a misspelling:
/// at most a third of its characters differ, or two.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    // Names are short; what is long is no misspelling, and comparing it costs.
    if name.is_empty() || name.len() > 128 {
        return None;
    }
    let wanted: Vec<char> = name.to_lowercase().chars().collect();
    let tolerance = (wanted.len() / 3)
        .clamp(1, 4)
        .max(if wanted.len() > 3 { 2 } else { 1 });
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= 256)
        .map(|candidate| (distance(&wanted, candidate), candidate))
        .filter(|(distance, _)| *distance <= tolerance)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate.to_owned())
}

/// Insertions, deletions, substitutions and swaps of neighbours.
fn distance(left: &[char], right: &str) -> usize {
    let right: Vec<char> = right.to_lowercase().chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut previous: Vec<usize> = (0..=right.len()).collect();
    for (row, a) in left.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, b) in right.iter().enumerate() {
            let mut cost = (previous[column] + usize::from(a != b))
                .min(previous[column + 1] + 1)
                .min(current[column] + 1);
            if row > 0 && column > 0 && *a == right[column - 1] && left[row - 1] == *b {
                cost = cost.min(before[column - 1] + 1);
            }
            current.push(cost);
        }
        before = std::mem::replace(&mut previous, current);
    }
    previous[right.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_misspelling_finds_the_name_that_was_meant() {
        let keys = ["modules", "pipelines", "triggers"];
        assert_eq!(nearest("pipelnes", keys).as_deref(), Some("pipelines"));
        assert_eq!(nearest("Modules", keys).as_deref(), Some("modules"));
        assert_eq!(nearest("tirggers", keys).as_deref(), Some("triggers"));
        assert_eq!(nearest("workflows", keys), None);
        assert_eq!(nearest("", keys), None);
    }

    #[test]
    fn a_prefix_that_was_left_out_is_still_far_away() {
        assert_eq!(nearest("x", ["step.log"]), None);
    }
}
