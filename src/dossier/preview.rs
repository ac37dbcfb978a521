//! A picture made small enough to hold and to draw in the cells of a terminal.

/// The colours of a picture, averaged down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// Width and height of the picture itself, in pixels.
    of: [u32; 2],
    width: usize,
    height: usize,
    /// Row after row.
    pixels: Vec<[u8; 3]>,
}

impl Preview {
    /// Of a picture of the size `of`, rows of `width` pixels. None where they are no whole rows, or there are none.
    pub fn new(of: [u32; 2], width: usize, pixels: Vec<[u8; 3]>) -> Option<Self> {
        let height = pixels.len().checked_div(width)?;
        (height > 0 && height * width == pixels.len()).then_some(Self {
            of,
            width,
            height,
            pixels,
        })
    }

    /// Width and height of the picture itself, in pixels.
    pub fn size(&self) -> [u32; 2] {
        self.of
    }

    /// The picture in so many columns and rows: each the mean of what it covers.
    pub fn in_cells(&self, columns: usize, rows: usize) -> Vec<[u8; 3]> {
        let share = |n: usize, of: usize, size: usize| {
            let start = (n * size / of.max(1)).min(size - 1);
            start..((n + 1) * size).div_ceil(of.max(1)).clamp(start + 1, size)
        };
        let cell = |row: usize, column: usize| {
            let (mut sum, mut count) = ([0_u32; 3], 0);
            for y in share(row, rows, self.height) {
                for x in share(column, columns, self.width) {
                    let pixel = self.pixels[y * self.width + x];
                    (0..3).for_each(|c| sum[c] += u32::from(pixel[c]));
                    count += 1;
                }
            }
            sum.map(|c| (c / count.max(1)) as u8)
        };
        (0..rows)
            .flat_map(|row| (0..columns).map(move |column| (row, column)))
            .map(|(r, c)| cell(r, c))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_the_mean_of_what_they_cover() {
        let pixels = vec![
            [0; 3], [100; 3], [200; 3], [200; 3], [40; 3], [60; 3], [0; 3], [0; 3],
        ];
        let preview = Preview::new([400, 200], 4, pixels).expect("two rows");
        assert_eq!(preview.in_cells(2, 1), [[50; 3], [100; 3]]);
        assert_eq!(preview.in_cells(8, 1).len(), 8, "larger than it is, it repeats");
        assert_eq!(Preview::new([1, 1], 3, vec![[0; 3]; 4]), None);
        assert_eq!(Preview::new([1, 1], 0, Vec::new()), None);
    }
}
