//! `image`: a picture. As an author writes it, and its checks.

use schemars::JsonSchema;
use serde::Deserialize;
use validator::Validate;

use crate::components::{CheckContext, ComponentSpec, address};
use crate::model::components::component::ComponentKind;
use crate::model::components::image::Image;
use crate::model::problem::Place;

/// Shows a picture from the app's `public` folder, or from an https address.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct RawImage {
    /// The address of the picture: a path of this app, as in `/harbour.jpg` for the file
    /// `public/harbour.jpg`, or an https address.
    #[validate(required)]
    src: Option<String>,
    /// A description of the picture for people who cannot see it, as in `The harbour at dawn`. Give an empty
    /// text for a picture that only decorates.
    #[validate(required)]
    alt: Option<String>,
    /// The width in pixels, from 1 to 10000, together with `height`. A picture wider than its place is made
    /// smaller.
    #[validate(range(min = 1, max = 10000, message = "must be from 1 to 10000"))]
    width: Option<i64>,
    /// The height in pixels, from 1 to 10000, together with `width`. With both, the browser keeps the place
    /// of the picture free while it loads, so that the page does not move.
    #[validate(range(min = 1, max = 10000, message = "must be from 1 to 10000"))]
    height: Option<i64>,
    /// The text below the picture. By default, there is none.
    #[validate(length(min = 1, message = "must not be empty"))]
    caption: Option<String>,
    /// `true` rounds the corners; `false` if you do not say.
    rounded: Option<bool>,
}

impl ComponentSpec for RawImage {
    fn check(self, around: &mut dyn CheckContext) -> Option<ComponentKind> {
        let place = around.place();
        let src = self.src.and_then(|src| match address::src("src", &src) {
            Ok(clean) => Some(clean),
            Err(bad) => {
                around.problems().report(place.key("src"), bad.message).help(bad.help);
                None
            }
        });
        let size = check_size(self.width, self.height, &place, around);
        Some(
            Image {
                src: src?.into(),
                alt: self.alt?.into(),
                size,
                caption: self.caption.map(Into::into),
                rounded: self.rounded.unwrap_or(false),
            }
            .into(),
        )
    }
}

/// Returns width and height in pixels if both are given. Reports one without the other, and warns if both
/// are missing.
fn check_size(
    width: Option<i64>,
    height: Option<i64>,
    place: &Place,
    around: &mut dyn CheckContext,
) -> Option<(u32, u32)> {
    let (given, missing) = match (width, height) {
        (Some(width), Some(height)) => {
            return Some((u32::try_from(width).ok()?, u32::try_from(height).ok()?));
        }
        (Some(_), None) => ("width", "height"),
        (None, Some(_)) => ("height", "width"),
        (None, None) => {
            // A value of the wrong type was reported and removed, so it only looks missing here.
            let faulty =
                ["width", "height"].iter().any(|key| around.problems().concern(&place.key(key)));
            if !faulty {
                let message =
                    "the page moves when this image arrives: nobody knows its size before";
                let problem = around.problems().warn(place.key("src"), message);
                problem.help("add its `width` and `height` in pixels");
            }
            return None;
        }
    };
    if !around.problems().concern(&place.key(missing)) {
        let message = format!("{given} has no effect without `{missing}`");
        let problem = around.problems().report(place.key(given), message);
        problem.at_key().help(format!("add `{missing}`, or remove this"));
    }
    None
}
