package console

func (c *Console) workRoutes() {}
