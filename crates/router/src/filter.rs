//! The filters of a rule or of one of its backends, sorted at compile time by when they act.
//!
//! A filter that cannot be done wins over everything: the rule answers 500, and nothing that stands
//! beside it takes effect. CORS comes next, because a preflight carries no credentials that any
//! other filter could judge. The rest keeps the user's order. Mirrors are the plan's.

use ir::{Cors, Failure, Filter, HeaderEdits, Redirect, Rewrite};

use crate::{Answer, Cause, Head, Prefix, RequestContext, Step};

pub(crate) mod cors;
mod headers;
mod path_edit;
mod redirect;
mod rewrite;

/// What is done to requests and responses.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filters {
    failure: Option<Failure>,
    cors: Option<Box<Cors>>,
    request: Vec<RequestFilter>,
    response: Vec<HeaderEdits>,
}

#[derive(Clone, Debug)]
enum RequestFilter {
    Headers(HeaderEdits),
    Redirect(Redirect),
    Rewrite(Rewrite),
}

impl Filters {
    pub(crate) fn compile(filters: &[Filter]) -> Self {
        let mut out = Self::default();
        for filter in filters {
            match filter {
                Filter::RequestHeaders(edits) => {
                    out.request.push(RequestFilter::Headers(edits.clone()));
                }
                Filter::ResponseHeaders(edits) => out.response.push(edits.clone()),
                Filter::Redirect(redirect) => match redirect::compile(redirect) {
                    Some(redirect) => out.request.push(RequestFilter::Redirect(redirect)),
                    None => out.fail(Failure::InvalidValue),
                },
                Filter::Rewrite(rewrite) => match rewrite::compile(rewrite) {
                    Some(rewrite) => out.request.push(RequestFilter::Rewrite(rewrite)),
                    None => out.fail(Failure::InvalidValue),
                },
                Filter::Mirror(_) => {}
                Filter::Cors(cors) => drop(out.cors.get_or_insert_with(|| Box::new(cors.clone()))),
                Filter::Fail(failure) => out.fail(*failure),
            }
        }
        out
    }

    /// Whether preflights are answered here.
    pub(crate) fn cors(&self) -> bool {
        self.cors.is_some()
    }

    pub(crate) fn failure(&self) -> Option<Failure> {
        self.failure
    }

    pub(crate) fn on_request(
        &self,
        prefix: &mut Prefix,
        head: &mut Head,
        context: &RequestContext,
    ) -> Step {
        if let Some(failure) = self.failure {
            let cause = Cause::Failure(failure);
            return Step::Answer(Answer { status: 500, headers: Vec::new(), cause });
        }
        if let Some(cors) = &self.cors
            && let Some(method) = cors::preflight(head)
        {
            return Step::Answer(cors::answer(cors, method, head));
        }
        for filter in &self.request {
            match filter {
                RequestFilter::Headers(edits) => headers::edit(edits, head),
                RequestFilter::Rewrite(rewrite) => rewrite::rewrite(rewrite, prefix, head),
                RequestFilter::Redirect(redirect) => {
                    return Step::Answer(redirect::answer(redirect, *prefix, head, context));
                }
            }
        }
        Step::Continue
    }

    pub(crate) fn on_response(&self, origin: Option<&[u8]>, head: &mut Head) {
        if let Some(cors) = &self.cors {
            cors::mark(cors, origin, head);
        }
        for edits in &self.response {
            headers::edit(edits, head);
        }
    }

    /// The first failure stays: it is the one that the user reads first.
    fn fail(&mut self, failure: Failure) {
        self.failure.get_or_insert(failure);
    }
}
