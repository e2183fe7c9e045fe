"""Services: one file with one public function each."""
