"""Pages on which pictures are compared in a browser: before and after, or model beside model."""
