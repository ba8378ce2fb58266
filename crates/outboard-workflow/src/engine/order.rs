//! The order in which things that depend on each other come.

/// Sorts so that everything comes after what it depends on, and otherwise stays in
/// the order in which it was given.
///
/// `dependencies(i)` gives the indices that item `i` depends on. The error is a
/// circle of indices, the first one repeated at the end.
pub(crate) fn topological(
    count: usize,
    dependencies: impl Fn(usize) -> Vec<usize>,
) -> Result<Vec<usize>, Vec<usize>> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        Open,
        Done,
    }
    let mut marks = vec![Mark::New; count];
    let mut order = Vec::with_capacity(count);
    // An explicit stack: a long chain of dependencies comes from outside.
    let mut stack: Vec<(usize, Vec<usize>, usize)> = Vec::new();
    for start in 0..count {
        if marks[start] != Mark::New {
            continue;
        }
        marks[start] = Mark::Open;
        stack.push((start, dependencies(start), 0));
        while let Some((item, needs, position)) = stack.last_mut() {
            let item = *item;
            let Some(&next) = needs.get(*position) else {
                marks[item] = Mark::Done;
                order.push(item);
                stack.pop();
                continue;
            };
            *position += 1;
            match marks[next] {
                Mark::Done => {}
                Mark::New => {
                    marks[next] = Mark::Open;
                    stack.push((next, dependencies(next), 0));
                }
                Mark::Open => {
                    let mut circle: Vec<usize> = stack
                        .iter()
                        .map(|(item, _, _)| *item)
                        .skip_while(|item| *item != next)
                        .collect();
                    circle.push(next);
                    return Err(circle);
                }
            }
        }
    }
    Ok(order)
}

#[cfg(test)]
mod tests {
    use super::topological;

    #[test]
    fn dependencies_come_first_and_the_rest_keeps_its_order() {
        let needs = [vec![2], vec![], vec![3], vec![]];
        assert_eq!(
            topological(4, |item| needs[item].clone()),
            Ok(vec![3, 2, 0, 1])
        );
    }

    #[test]
    fn a_circle_is_named_from_where_it_begins() {
        let needs = [vec![1], vec![2], vec![1]];
        assert_eq!(
            topological(3, |item| needs[item].clone()),
            Err(vec![1, 2, 1])
        );
    }

    #[test]
    fn a_chain_of_a_hundred_thousand_does_not_overflow_the_stack() {
        let count = 100_000;
        let order = topological(count, |item| {
            if item + 1 < count {
                vec![item + 1]
            } else {
                vec![]
            }
        });
        assert_eq!(order.map(|order| order[0]), Ok(count - 1));
    }
}
