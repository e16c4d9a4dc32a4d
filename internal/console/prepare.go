package console

func (c *Console) preparednessRoutes() {}
