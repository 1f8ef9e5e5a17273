//! A set that hardly ever changes, as a sorted list: it takes what its items take, while a tree
//! has room for eleven of them as soon as there is one.

use std::collections::BTreeSet;

/// Items in order, without repetition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sorted<T>(Box<[T]>);

impl<T> Default for Sorted<T> {
    fn default() -> Self {
        Self(Box::default())
    }
}

impl<T: Ord> Sorted<T> {
    pub(crate) fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The items that another set does not have.
    pub(crate) fn difference<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a T> {
        self.0.iter().filter(|item| other.0.binary_search(item).is_err())
    }
}

impl<T: Ord> FromIterator<T> for Sorted<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self(items.into_iter().collect::<BTreeSet<T>>().into_iter().collect())
    }
}
